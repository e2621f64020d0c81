package dataset

// Limits bound what is taken in. A field left 0 takes its default; so a set
// that came from elsewhere can neither fill the memory nor flood a terminal.
type Limits struct {
	FileBytes int64 // one file, uncompressed; default 256 MiB
	Journals  int   // journals of a set; default 100,000
	TextBytes int   // one text of one journal; default 256 KiB
	Codes     int   // gold codes of one journal; default 200
	CodeRows  int   // rows of a code list; default 500,000
	Problems  int   // problems that are listed, the rest is counted; default 50
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	if l.FileBytes <= 0 {
		l.FileBytes = 256 << 20
	}
	set(&l.Journals, 100_000)
	set(&l.TextBytes, 256<<10)
	set(&l.Codes, 200)
	set(&l.CodeRows, 500_000)
	set(&l.Problems, 50)
	return l
}
