# Rules over blanked C; -v file=NAME. Tests may run programs through the shell, and list long tables.
BEGIN { test = file ~ /_test\.c$|_fixture\.h$|_lab\.h$|^tests\// }
function say(line, what) { print file ":" line ": " what }
/@SLASHES@/ { say(NR, "a // comment") }
match($0, /(^|[^A-Za-z0-9_.>])(atoi|atol|atof|sprintf|vsprintf|strcpy|strcat|strncpy|strtok|gets|alloca)[ \t]*\(/) {
    say(NR, "banned call: " substr($0, RSTART, RLENGTH))
}
!test && match($0, /(^|[^A-Za-z0-9_.>])(system|popen)[ \t]*\(/) { say(NR, "banned call: " substr($0, RSTART, RLENGTH)) }
length($0) > 120 { say(NR, "longer than 120 columns") }
# A function's body: from `{` in the first column to `}` in the first column.
/^\{/ { start = NR }
/^\}/ { if (start && !test && NR - start - 1 > 80) say(start, "a body of " NR - start - 1 " lines"); start = 0 }
END { if (NR > 500 && !test && file ~ /\.c$/) say(NR, "note: a file of " NR " lines") }
