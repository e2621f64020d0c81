package config

import (
	"net/url"
	"reflect"
	"regexp"
	"strings"
)

// Redacted is a copy that may be printed or logged: no password is in it.
func (s Settings) Redacted() Settings {
	s.Database.DSN = redactDSN(s.Database.DSN)
	s.Runtimes = redactedList(s.Runtimes)
	s.Meters.PDUs = redactedList(s.Meters.PDUs)
	s.Meters.Plugs = redactedList(s.Meters.Plugs)
	s.Meters.Redfish = redactedList(s.Meters.Redfish)
	s.Drift.Hook.URL = redactHook(s.Drift.Hook.URL)
	return s
}

// redactHook leaves of a webhook's address its server: services put the secret
// into the path as often as into the query.
func redactHook(text string) string {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return ""
	case err != nil || u.Opaque != "" || u.Host == "":
		return redacted
	case u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == "":
		return text // nothing but a server
	}
	return u.Scheme + "://" + u.Host + "/" + redacted
}

// redactedList copies a list of sections without what is tagged as secret and
// without passwords in addresses.
func redactedList[T any](list []T) []T {
	list = append([]T(nil), list...)
	for i := range list {
		section := reflect.ValueOf(&list[i]).Elem()
		for _, f := range fieldsOf(section.Type()) {
			value := section.Field(f.index)
			switch {
			case value.Kind() != reflect.String || value.Len() == 0:
			case section.Type().Field(f.index).Tag.Get("secret") != "":
				value.SetString(redacted)
			case f.key == "url":
				value.SetString(redactURL(value.String()))
			}
		}
	}
	return list
}

// secretWords are what the keys of secrets end in.
func secretWords() []string {
	return []string{"community", "passphrase", "password", "secret", "token", "dsn"}
}

// isSecret tells by its key path whether a value must not be repeated.
func isSecret(path string) bool {
	for _, word := range secretWords() {
		if strings.HasSuffix(path, word) {
			return true
		}
	}
	return false
}

const redacted = "REDACTED"

var dsnSecret = regexp.MustCompile(`(?i)\b((?:ssl)?password|passfile|sslkey)\s*=\s*('(?:\\.|[^'\\])*'?|(?:\\.|[^\s\\])*)`)

// redactDSN takes the secrets out of a DSN in URL or key=value form. What it
// cannot take apart it hides whole.
func redactDSN(dsn string) string {
	switch {
	case dsn == "":
		return ""
	case strings.Contains(dsn, "://"):
		return redactURL(dsn)
	case !strings.Contains(dsn, "="):
		return redacted
	}
	return dsnSecret.ReplaceAllString(dsn, "$1="+redacted)
}

func redactURL(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return redacted
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), redacted)
	}
	query := u.Query()
	for key := range query {
		lower := strings.ToLower(key)
		if strings.Contains(lower, "password") || strings.Contains(lower, "key") || strings.Contains(lower, "token") {
			query.Set(key, redacted)
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}
