# Reads what a migration printed before it failed, and writes what may leave the host: classes of errors and numbers that
# the framework and the server define, and messages that hold names alone. Values of rows never do. Writes lines
# KEY<TAB>VALUE: `class`, `sqlstate`, `number`, `message`.

BEGIN { ORS = "\n" }

function note(key, value) { if (!(key in noted)) { noted[key]; print key "\t" value } }

{
  gsub(/\033\[[0-9;]*m/, "")
  line = $0
  if (line ~ /^Traceback \(most recent call last\):/) python = 1
  if (python) { of_python(); next }
  if (match(line, /([A-Za-z_][A-Za-z0-9_]*(\\[A-Za-z_][A-Za-z0-9_]*)*)?(Exception|Error)/)) note("class", substr(line, RSTART, RLENGTH))
  if (match(line, /SQLSTATE\[[0-9A-Z]+\]/)) {
    note("sqlstate", substr(line, RSTART + 9, RLENGTH - 10))
    rest = substr(line, RSTART + RLENGTH)
    if (match(rest, /(: |\[)[0-9][0-9][0-9][0-9]?[0-9]?/)) {
      number = substr(rest, RSTART, RLENGTH)
      gsub(/[^0-9]/, "", number)
      note("number", number)
      rest = substr(rest, RSTART + RLENGTH)
      sub(/^\]? */, "", rest)
      tell(number, rest)
    }
  }
  if (match(line, /(Class|Interface|Trait) ["'`]?[A-Za-z_][A-Za-z0-9_\\]*["'`]? (not found|does not exist)/)) note("message", substr(line, RSTART, RLENGTH))
  if (match(line, /Call to (undefined|protected|private) (method|function) [A-Za-z_][A-Za-z0-9_\\:]*\(\)/)) note("message", substr(line, RSTART, RLENGTH))
  if (match(line, /syntax error, unexpected (end of file|[a-z]+)/)) { note("class", "ParseError"); note("message", substr(line, RSTART, RLENGTH)) }
}

# tell NUMBER MESSAGE: write what may be told of a message of the server
function tell(number, rest) {
  # Numbers of errors whose message has nothing but names in it (MySQL Error Message Reference).
  if (number ~ /^(1005|1007|1008|1025|1044|1046|1048|1049|1050|1051|1054|1059|1060|1061|1068|1069|1070|1071|1072|1074|1075|1091|1101|1109|1110|1113|1118|1121|1146|1166|1171|1176|1215|1217|1227|1236|1264|1265|1280|1295|1305|1364|1406|1415|1419|1451|1452|1553|1701|1822|1824|1826|1828|1829|1830|1832|1833|1834|1845|1846|3734|3780|3819|4025)$/) {
    sub(/ \((Connection|SQL):.*$/, "", rest)
    # What an error quotes is a name here; anything long is not.
    if (length(rest) <= 400) note("message", rest)
  } else if (number == "1062" && match(rest, /^Duplicate entry '.*' for key '[^']*'/)) {
    rest = substr(rest, 1, RLENGTH)
    sub(/^.* for key /, "", rest)
    note("message", "Duplicate entry '?' for key " rest)
  } else if (number ~ /^(1292|1366|1411)$/ && match(rest, /^(Incorrect|Truncated incorrect) [a-zA-Z]+ value: '.*' for column ('[^']*'|[A-Za-z0-9_$`.]+)/)) {
    rest = substr(rest, 1, RLENGTH)
    sub(/'.*' for column /, "'?' for column ", rest)
    note("message", rest)
  }
}

# of_python: read a line behind Python's `Traceback`. Only lines that name an exception count, for others are of the code.
function of_python(    number, rest) {
  if (!match(line, /^([A-Za-z_][A-Za-z0-9_]*\.)*[A-Z][A-Za-z0-9_]*(Error|Exception)(:|$)/)) return
  rest = substr(line, RLENGTH + 1)
  line = substr(line, 1, RLENGTH)
  sub(/:$/, "", line)
  sub(/^.*\./, "", line)
  note("class", line)
  # Of a driver's error, with SQLAlchemy's words before it: (1060, "Duplicate column name 'x'")
  if (!match(rest, /^ (\([A-Za-z_.]+\) )?\([0-9]+, ["']/)) return
  number = substr(rest, 1, RLENGTH)
  rest = substr(rest, RLENGTH + 1)
  gsub(/[^0-9]/, "", number)
  note("number", number)
  sub(/["']\)$/, "", rest)
  tell(number, rest)
}
