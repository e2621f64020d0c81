package main
import ("testing";"os";"time";"fmt";"strconv";"context";"os/exec";"bytes";"github.com/wattsweep/wattsweep/test/nvmlstub";"path/filepath")
func TestExp(t *testing.T){
	if os.Getenv("EXP_LIB")!="" {
		ev,_:=time.ParseDuration(os.Getenv("EXP_EVERY")); f,_:=time.ParseDuration(os.Getenv("EXP_FOR"))
		var b bytes.Buffer
		if err:=sampleHere(context.Background(),samplingRun{os.Getenv("EXP_LIB"),ev,f},&b);err!=nil{t.Fatal(err)}
		fmt.Println(b.String())
		return
	}
	d:=os.Getenv("EXP_DIR")
	lib,err:=nvmlstub.Compile(d); if err!=nil{t.Fatal(err)}
	for _,n:=range []int{1,8}{
		c:=nvmlstub.Config{Driver:"570.00 (simulated)",CUDA:12040}
		for i:=range n{c.GPUs=append(c.GPUs,nvmlstub.H100(i))}
		s,_:=c.Text()
		os.WriteFile(filepath.Join(d,"conf"+strconv.Itoa(n)),[]byte(s),0o600)
	}
	_=exec.Command; t.Log(lib)
}
