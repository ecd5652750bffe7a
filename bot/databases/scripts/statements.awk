# Reads what a private server logged of a migration, and writes what may leave the host: every statement, with its literals
# replaced. Names stay, since they are what approvers decide about; values of rows never do.
#
# Standard input: lines SESSION COMMAND TIME USER LENGTH STATEMENT, between tabs; user and statement in hexadecimal. In the
# environment:
#
#   table       in which the framework records migrations: the names of migrations stay in statements that write to it
#   statements  file for lines NUMBER SESSION TIMES TIME ENDED COMPLETE STATEMENT between tabs: a statement that is repeated
#               with other literals is one line; ENDED is when the session's next statement came
#   trials      file for SQL that finds out how the server changes tables, one statement a line; see `trial`
#   ways        file for lines LINE NUMBER WAY between tabs: what a line of `trials` tries, of the statement NUMBER
#   denied      file for the number of logins that the server refused
#   kind        mariadb or mysql
#
# Only statements that begin like those that change tables keep their numbers, and of literals those of ENUM and SET.

BEGIN {
  FS = "\t"
  table = tolower(ENVIRON["table"])
  kind = ENVIRON["kind"]
  statements = ENVIRON["statements"]
  trials = ENVIRON["trials"]
  ways_file = ENVIRON["ways"]
  printf "" >statements
  printf "" >trials
  printf "" >ways_file
  tried = 0
  for (i = 0; i < 256; i++) byte[sprintf("%02X", i)] = sprintf("%c", i)
  count = 0
}

NF == 6 && $2 == "Connect" && decoded($6) ~ /^Access denied/ { denied++ }

NF == 6 && ($2 == "Query" || $2 == "Execute" || $2 == "Init DB") {
  text = decoded($6)
  if ($2 == "Init DB") text = "USE `" text "`"
  whole = $5 == "NULL" || $5 == length(text)
  if (tolower(text) ~ /ansi_quotes|no_backslash_escapes/) odd = 1
  masked = odd ? "unreadable" : replaced(text)
  if (length(masked) > 16000) { masked = substr(masked, 1, 16000); whole = 0 }
  ended[last[$1]] = $3
  if ($1 == session && masked == previous && whole == wholly) {
    times[count]++
  } else {
    count++
    line[count] = masked
    number_of[count] = $1
    times[count] = 1
    began[count] = $3
    complete[count] = whole
    if (!odd && whole) trial()
  }
  last[$1] = count
  session = $1
  previous = masked
  wholly = whole
}

END {
  print denied + 0 >ENVIRON["denied"]
  for (i = 1; i <= count; i++) {
    printf "%d\t%s\t%d\t%s\t%s\t%d\t%s\n", i, number_of[i], times[i], began[i], (i in ended ? ended[i] : ""), complete[i],
      escaped(line[i]) >statements
  }
}

function decoded(hex,    result, i, n) {
  result = ""
  n = length(hex)
  for (i = 1; i < n; i += 2) result = result byte[substr(hex, i, 2)]
  return result
}

function escaped(text) {
  gsub(/\\/, "\\\\", text)
  gsub(/\t/, "\\t", text)
  gsub(/\n/, "\\n", text)
  gsub(/\r/, "\\n", text)
  gsub(/\000/, "", text)
  return text
}

# A statement with its literals replaced: '?' for text, ? for everything else. Sets `bare` to it without its comments and
# line breaks and with its literals, as the trials need it.
function replaced(text,    result, rest, one, lower, defines, records, within, sets) {
  result = ""
  bare = ""
  rest = text
  sub(/^[ \t\r\n]+/, "", rest)
  lower = tolower(substr(rest, 1, 400))
  defines = lower ~ /^(create|alter|drop|rename|truncate)[ \t\r\n]/
  sets = lower ~ /^set[ \t]+(session[ \t]+|@@session\.)?(names|sql_mode|time_zone|character_set_[a-z]+|collation_connection)/
  records = 0
  if (match(lower, /^(insert[ \t]+into|delete[ \t]+from|update|replace[ \t]+into)[ \t]+`?[^ \t`(]+`?/)) {
    one = substr(lower, 1, RLENGTH)
    gsub(/`/, "", one)
    sub(/^.*[ \t]/, "", one)
    sub(/^.*\./, "", one)
    records = table != "" && one == table
  }
  within = 0
  while (rest != "") {
    if (match(rest, /^[ \t\r\n]+/)) {
      result = result " "
      bare = bare " "
    } else if (match(rest, /^\/\*M?!/)) {
      # A comment that the server runs: what is in it cannot be told from what is around it.
      return result "/*!"
    } else if (match(rest, /^(--[ \t\r\n]|#)/) || rest == "--") {
      if (!match(rest, /\n/)) return result
      RSTART = 1; RLENGTH = index(rest, "\n")
      result = result " "
      bare = bare " "
    } else if (match(rest, /^\/\*/)) {
      RLENGTH = index(substr(rest, 3), "*/")
      if (RLENGTH == 0) return result "/*"
      RLENGTH += 3
    } else if (match(rest, /^`([^`]|``)*`/)) {
      result = result substr(rest, 1, RLENGTH)
      bare = bare substr(rest, 1, RLENGTH)
    } else if (match(rest, /^'([^'\\]|''|\\(.|\n))*'/) || match(rest, /^"([^"\\]|""|\\(.|\n))*"/)) {
      one = substr(rest, 1, RLENGTH)
      bare = bare one
      # A prefix such as x'…' or _binary'…' belongs to the literal.
      if ((within > 0 && one ~ /^'[^'\\]*'$/) || ((records || sets) && one ~ /^'[A-Za-z0-9_.:,+\/-]*'$/)) result = result one
      else result = result "'?'"
    } else if (match(rest, /^['"`]/)) {
      return result "'"
    } else if (match(rest, /^0[xXbB][0-9A-Fa-f]+/) || match(rest, /^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?/)) {
      one = substr(rest, 1, RLENGTH)
      bare = bare one
      result = result ((defines || records || sets) && one ~ /^[0-9.]+$/ ? one : "?")
    } else if (match(rest, /^[A-Za-z_$\200-\377][A-Za-z0-9_$\200-\377]*/)) {
      one = substr(rest, 1, RLENGTH)
      result = result one
      bare = bare one
      if (defines && !within && tolower(one) ~ /^(enum|set)$/ && substr(rest, RLENGTH + 1) ~ /^[ \t]*\([ \t]*'/) within = -1
    } else {
      RLENGTH = 1
      one = substr(rest, 1, 1)
      result = result one
      bare = bare one
      if (within && one == "(") within = 1
      if (within && one == ")") within = 0
    }
    rest = substr(rest, RLENGTH + 1)
  }
  # Rows of one statement, after the first.
  while (match(result, /\(('\?'|\?|null|default|[ ,])+\)( *, *\(('\?'|\?|null|default|[ ,])+\))+/)) {
    one = substr(result, RSTART, RLENGTH)
    match(one, /\)/)
    result = substr(result, 1, index(result, one) - 1) substr(one, 1, RSTART) substr(result, index(result, one) + length(one))
  }
  return result
}

# write_trial SQL: write a line of trials; as one statement, for a client counts lines
function write_trial(sql) {
  tried++
  print sql ";" >trials
}

# trial: write the statement in `bare`, if it changes a table, once for each way in which the server could carry it out, from
# the least disruptive to the most. The lines at which the server's client reports an error are the ways that it refuses;
# the first other one has changed the table, so that later statements find their table as it will be.
function trial(    lower, comma, ways, i, n) {
  sub(/[ ;]+$/, "", bare)
  if (bare ~ /;/ || length(bare) > 60000) return
  lower = tolower(bare)
  comma = ","
  if (lower ~ /^(create +(unique +|fulltext +|spatial +)?index|drop +index) /) {
    comma = ""
  } else if (lower !~ /^alter +table /) {
    if (lower ~ /^(create +table|drop +table|rename +table) /) write_trial(bare)
    return
  }
  # MariaDB takes any way for a change of engine, and copies.
  if (kind == "mariadb" && lower ~ /[ ,]engine *=/) {
    write_trial(bare)
    return
  }
  n = split(kind == "mariadb" ? "INSTANT NOCOPY INPLACE INPLACE_WAITS COPY" : "INSTANT INPLACE INPLACE_WAITS COPY", ways, " ")
  for (i = 1; i <= n; i++) {
    write_trial(bare comma " ALGORITHM=" (ways[i] ~ /^INPLACE/ ? "INPLACE" : ways[i]) \
      (ways[i] ~ /^(NOCOPY|INPLACE)$/ ? comma " LOCK=NONE" : ""))
    printf "%d\t%d\t%s\n", tried, count, ways[i] >ways_file
  }
}
