# table.awk BOUNDS RESULTS: one line per comparison; exit 1 when a bound does not hold or a figure is missing.
function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
function median(name,   n, i, j, t, v) {
    n = count[name]
    for (i = 1; i <= n; i++) v[i] = sample[name, i]
    for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
function show(name) { return count[name] ? sprintf("%.4g %s", median(name), unit[name]) : name ~ /^[0-9.]+$/ ? name : name == "-" ? "-" : "missing" }
FNR == NR { if ($0 !~ /^#/ && NF) line[++lines] = $0; next }
$1 == "BENCH" { sample[$2, ++count[$2]] = $3 + 0; unit[$2] = $4 }
END {
    format = "%-44s %14s %14s %8s %11s  %s\n"
    printf format, "name", "ours", "peer", "ratio", "bound", "ok"
    for (i = 1; i <= lines; i++) {
        split(line[i], f, "|")
        for (j = 1; j <= 4; j++) f[j] = trim(f[j])
        split(f[4], bound, " ")
        have = count[f[2]] && (count[f[3]] || f[3] ~ /^([0-9.]+|-)$/)
        value = have ? median(f[2]) : 0
        peer = !have || f[3] == "-" ? 1 : count[f[3]] ? median(f[3]) : f[3] + 0
        ratio = have && peer > 0 ? value / peer : 0
        ok = have && (bound[1] == "print" ? 1 : bound[1] == "<=" ? ratio <= bound[2] + 0 : ratio >= bound[2] + 0)
        if (only != "" && !have) continue
        if (!have && bound[3] == "apart") { printf format, f[1], "", "", "", f[4], "not run"; continue }
        printf format, f[1], show(f[2]), show(f[3]), have ? sprintf("%.3g", ratio) : "", f[4], ok ? "yes" : have ? "NO" : "missing"
        if (!ok) bad++
    }
    exit bad > 0
}
