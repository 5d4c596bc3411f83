# Blanks comments, strings and characters of C, keeping every line. A `//` comment is marked as such.
{
    out = ""; i = 1; n = length($0)
    while (i <= n) {
        c = substr($0, i, 1); two = substr($0, i, 2)
        if (block) { if (two == "*/") { block = 0; i += 2 } else i++; continue }
        if (two == "/*") { block = 1; i += 2; continue }
        if (two == "//") { out = out " @SLASHES@"; break }
        if (c == "\"" || c == "'") {
            q = c; out = out q; i++
            while (i <= n && substr($0, i, 1) != q) i += (substr($0, i, 1) == "\\") ? 2 : 1
            out = out q; i++; continue
        }
        out = out c; i++
    }
    print out
}
