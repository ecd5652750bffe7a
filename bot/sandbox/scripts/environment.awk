# Turns an application's .env file into one that holds nothing secret: every key stays, and only the values of known
# keys stay with them. Nothing of the file is ever executed. Values that a key asks for are in the environment:
#
#   sandbox_rules      lines KEY TREATMENT VALUE, see `environment.py`; with the key `=`, of the value of any other key
#   sandbox_password   the accounts' new password
#   sandbox_key        a fresh encryption key
#   sandbox_stands_for sandbox_copy   the live database's name, and what comes for it; both empty where it stays
#   sandbox_user       the account's name; empty where those of the file stay
#   sandbox_out        where `dotenv`, `variables`, `users`, `hosts`, `ports` and `sockets` are written, and in `foreign` the
#                      kind of a database that is none of ours
#
# Values are read as the usual libraries read them: quotes, several lines within quotes, `export`, comments, ${OTHER}.
# Where they would disagree the value does not stay: it must be one short line of printable text.

BEGIN {
  count = split(ENVIRON["sandbox_rules"], rules, "\n")
  for (i = 1; i <= count; i++) {
    split(rules[i], words, " ")
    if (words[1] == "=") {
      known[substr(rules[i], length(words[2]) + 4)] = words[2]
      continue
    }
    treatment[words[1]] = words[2]
    given[words[1]] = substr(rules[i], length(words[1]) + length(words[2]) + 3)
  }
  out = ENVIRON["sandbox_out"] "/"
  text = ""
}

{ sub(/\r$/, ""); line[NR] = $0 }

END {
  printf "" >(out "dotenv")
  printf "" >(out "variables")
  sub(/^\357\273\277/, line[1])
  for (number = 1; number <= NR; number++) {
    rest = line[number]
    sub(/^[ \t]*(export[ \t]+)?/, "", rest)
    if (!match(rest, /^[A-Za-z_][A-Za-z0-9_.]*[ \t]*=/)) continue
    name = substr(rest, 1, RLENGTH - 1)
    sub(/[ \t]*$/, "", name)
    rest = substr(rest, RLENGTH + 1)
    sub(/^[ \t]*/, "", rest)
    put(name, treated(name, value_of(rest)))
  }
}

# The value that begins with a text, which may go on in the lines that follow; sets `number` to its last one.
# `whole` is 0 where its quotes never end: such a value is not known.
function value_of(rest,    quote, value, i, one, last) {
  whole = 1
  quote = substr(rest, 1, 1)
  if (quote != "\"" && quote != "'") {
    if (match(rest, /(^|[ \t])#/)) rest = substr(rest, 1, RSTART - 1)
    sub(/[ \t]*$/, "", rest)
    return resolved(rest)
  }
  value = ""
  last = number
  i = 2
  for (;;) {
    if (i > length(rest)) {
      if (last == NR || length(value) > 65536) { whole = 0; return "" }
      rest = line[++last]
      value = value "\n"
      i = 1
      continue
    }
    one = substr(rest, i++, 1)
    if (one == quote) break
    if (one == "\\" && quote == "\"" && i <= length(rest)) {
      one = substr(rest, i++, 1)
      if (one == "n") one = "\n"
      else if (one == "r") one = "\r"
      else if (one == "t") one = "\t"
      else if (one == "$") one = "\001"
    }
    value = value one
  }
  number = last
  if (quote == "\"") value = resolved(value)
  gsub(/\001/, "$", value)
  return value
}

# A value with ${OTHER} replaced by what OTHER has become.
function resolved(value,    result, key) {
  result = ""
  while (match(value, /\$\{[A-Za-z_][A-Za-z0-9_.]*\}/)) {
    key = substr(value, RSTART + 2, RLENGTH - 3)
    result = result substr(value, 1, RSTART - 1) (key in become ? become[key] : "sandbox")
    value = substr(value, RSTART + RLENGTH)
  }
  return result value
}

function plain(value) { return length(value) <= 255 && value !~ /[^ -~\200-\377]/ }

function treated(name, value,    how, scheme, count, each, i) {
  how = treatment[name]
  if (how == "" && whole && value in known) how = known[value]
  if (how == "password") return ENVIRON["sandbox_password"]
  if (how == "key") return ENVIRON["sandbox_key"]
  if (how == "value") return given[name]
  if (!whole || how == "" || !plain(value)) return dummy(value)
  if (how == "url") return database_url(value)
  if (how == "name") return name_of_copy(value)
  if (how == "user" && value != "") return account(value)
  if (how == "host") {
    # Several may stand in one value.
    count = split(value, each, /[ ,;]+/)
    for (i = 1; i <= count; i++) if (each[i] != "") print each[i] >(out (each[i] ~ /^\// ? "sockets" : "hosts"))
  }
  if (how == "socket") print value >(out "sockets")
  if (how == "port") {
    if (value !~ /^[0-9]+$/ || value + 0 < 1 || value + 0 > 65535) return dummy(value)
    print value >(out "ports")
  }
  return value
}

function name_of_copy(value) { return value != "" && value == ENVIRON["sandbox_stands_for"] ? ENVIRON["sandbox_copy"] : value }

function account(value) {
  print value >(out "users")
  return ENVIRON["sandbox_user"] == "" ? value : ENVIRON["sandbox_user"]
}

# Harmless, and of the same kind, so that what reads it does not stumble: what is empty stays empty, and a switch stays
# as it is, since it has one bit to tell.
function dummy(value) {
  if (!whole) return "sandbox"
  if (value == "" || tolower(value) ~ /^\(?(true|false|null|empty|on|off|yes|no)\)?$/) return value
  if (value ~ /^-?[0-9]+([.][0-9]+)?$/) return "1"
  if (value ~ /^base64:/) return ENVIRON["sandbox_key"]
  if (match(value, /^[A-Za-z][A-Za-z0-9+.-]*:\/\//)) {
    value = substr(value, 1, RLENGTH)
    return (length(value) > 16 ? "http://" : value) "sandbox.invalid"
  }
  if (value ~ /^[^ ]+@[^ ]+$/) return "sandbox@sandbox.invalid"
  if (value ~ /^\//) return "/tmp/sandbox"
  return "sandbox"
}

# scheme://user:password@host:port/name?options, without the password and the options
function database_url(value,    scheme, user, host, port, name) {
  if (!match(value, /^[A-Za-z][A-Za-z0-9+.-]*:\/\//) || length(value) == RLENGTH) return dummy(value)
  scheme = substr(value, 1, RLENGTH)
  if (match(tolower(scheme), /^(postgres|postgresql|psql|pgsql|postgis|sqlite|sqlite3|oracle|mssql)/)) {
    print substr(tolower(scheme), 1, RLENGTH) >(out "foreign")
  }
  value = substr(value, length(scheme) + 1)
  sub(/[?#].*$/, "", value)
  user = ""
  if (match(value, /^[^\/]*@/)) {
    user = substr(value, 1, RLENGTH - 1)
    value = substr(value, RLENGTH + 1)
    sub(/:.*$/, "", user)
  }
  if (user ~ /[^A-Za-z0-9_.-]/ || !match(value, /^[A-Za-z0-9_.-]+(:[0-9]+)?\/[A-Za-z0-9_-]+$/)) return scheme "sandbox.invalid"
  host = value
  sub(/\/.*$/, "", host)
  name = substr(value, length(host) + 2)
  port = host
  sub(/:.*$/, "", host)
  if (sub(/^[^:]*:/, "", port)) print port >(out "ports")
  print host >(out "hosts")
  value = substr(value, 1, length(value) - length(name)) name_of_copy(name)
  return scheme (user == "" ? "" : account(user) ":" ENVIRON["sandbox_password"] "@") value
}

# A value with a text put before each of some characters.
function escaped(value, characters, with,    result, i, one) {
  result = ""
  for (i = 1; i <= length(value); i++) {
    one = substr(value, i, 1)
    result = result (index(characters, one) ? with one : one)
  }
  return result
}

function put(name, value,    quoted) {
  become[name] = value
  quoted = value
  if (value ~ /[^A-Za-z0-9_.:\/@,+=-]/) quoted = "\"" escaped(value, "\\\"$", "\\") "\""
  print name "=" quoted >(out "dotenv")
  if (name ~ /[.]/) return
  # A quote within quotes: the text ends, a quote follows, and the text goes on.
  quoted = escaped(value, "'", "'\\'")
  print "export " name "='" quoted "'" >(out "variables")
}
