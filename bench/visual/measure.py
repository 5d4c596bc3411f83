# SPDX-License-Identifier: Apache-2.0
"""measure.py TOP LARGE ROUNDS: assay-diff beside odiff (whole processes, interleaved, the least of ROUNDS counts) and
beside honeydiff and pixelmatch (warm calls). Prints a table on standard error and `BENCH name value unit` lines."""
import json
import math
import os
import shutil
import subprocess
import sys
import time

top, large, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
modules = os.environ["NODE_PATH"]
small = f"{top}/tests/visual/cases"
ours = f"{top}/build/bin/assay-diff"
odiff = f"{modules}/@odiff/linux-x64/odiff"
out = f"{large}/out.png"
null = os.open(os.devnull, os.O_WRONLY)
QUIET = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]


def load(folder, name):
    with open(f"{folder}/{name}.json", encoding="utf-8") as file:
        return [dict(c, files=[f"{folder}/{c['base']}", f"{folder}/{c['current']}"]) for c in json.load(file)]


def two_files(case):
    """An unchanged picture is two files of the same bytes, never one file beside itself."""
    base, current = case["files"]
    if base == current:
        current = f"{large}/again-{case['base']}"
        shutil.copyfile(base, current)
    return dict(case, files=[base, current])


def run(argv):
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=QUIET)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    return wall * 1e3, (used.ru_utime + used.ru_stime) * 1e3, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def commands(files):
    return {
        "mask": [ours, "--mask", *files, out],
        "picture": [ours, "--picture", *files, out],
        "odiff-mask": [odiff, *files, out, "--diff-mask"],
        "odiff-aa-mask": [odiff, *files, out, "--diff-mask", "--aa"],
        "odiff": [odiff, *files, out],
        "odiff-aa": [odiff, *files, out, "--aa"],
    }


def measure(case):
    best = {}
    for _ in range(rounds):
        for name, argv in commands(case["files"]).items():
            wall, cpu, rss, _ = run(argv)
            old = best.get(name, (math.inf, math.inf, 0))
            best[name] = (min(old[0], wall), min(old[1], cpu), max(old[2], rss))
    return best


def warm(folder, name, count):
    text = subprocess.run(["node", f"{top}/bench/visual/peers.mjs", folder, name, str(count)],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    table = {}
    for line in map(json.loads, text.splitlines()):
        table.setdefault(line["name"], {})[line["peer"]] = line
    return table


def mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def bench(name, value, unit="-"):
    print(f"BENCH visual_{name} {value:.4g} {unit}", flush=True)


def speed():
    cases = [two_files(c) for c in load(large, "large")]
    peers = warm(large, "large", 2)
    rows = []
    print(f"{'ms (CPU ms)':26}{'mask':>15}{'odiff mask':>17}{'picture':>15}{'odiff':>17}{'honeydiff':>11}{'pixelmatch':>11}",
          file=sys.stderr)
    for case in cases:
        t = measure(case)
        for peer, line in peers[case["name"]].items():
            t[peer] = (line["wall"] or math.inf, line["cpu"] or math.inf, 0)
        rows.append((case["name"], t))
        print(f"{case['name']:26}" + "".join(f"{t[k][0]:9.1f} ({t[k][1]:.0f})".rjust(w) for k, w in
              (("mask", 15), ("odiff-mask", 17), ("picture", 15), ("odiff", 17)))
              + f"{t['honeydiff'][0]:11.1f}{t['pixelmatch'][0]:11.1f}", file=sys.stderr)
    for size in ("mobile", "desktop", "page", "uhd", ""):
        of_size = [t for name, t in rows if size in name]
        label = size or "all"
        for what, peer in (("mask", "odiff-mask"), ("picture", "odiff")):
            bench(f"{label}_{what}_wall", mean([t[peer][0] / t[what][0] for t in of_size]), "x")
            bench(f"{label}_{what}_cpu", mean([t[peer][1] / t[what][1] for t in of_size]), "x")
        bench(f"{label}_honeydiff", mean([t["honeydiff"][0] / t["picture"][0] for t in of_size]), "x")
        bench(f"{label}_pixelmatch", mean([t["pixelmatch"][0] / t["picture"][0] for t in of_size]), "x")
    by_name = dict(rows)
    button = by_name["bench-uhd-button"]
    bench("uhd_button", button["odiff"][0] / button["mask"][0], "x")
    bench("uhd_button_mask", button["odiff-mask"][0] / button["mask"][0], "x")
    bench("uhd_button_picture", button["odiff"][0] / button["picture"][0], "x")
    unchanged = [min(t["odiff-mask"][0], t["odiff"][0]) / t["mask"][0] for n, t in rows if "unchanged" in n]
    bench("unchanged", mean(unchanged), "x")
    bench("slower", sum(t["mask"][0] > min(t["odiff-mask"][0], t["odiff-aa-mask"][0])
                        or t["picture"][0] > min(t["odiff"][0], t["odiff-aa"][0], t["honeydiff"][0], t["pixelmatch"][0])
                        for _, t in rows), "cases")
    uhd = [(n, t) for n, t in rows if "uhd" in n]
    bench("rss_uhd", max(t["mask"][2] for _, t in uhd), "MiB")
    bench("rss_uhd_picture", max(t["picture"][2] for _, t in uhd), "MiB")
    bench("rss_uhd_odiff", max(t["odiff"][2] for _, t in uhd), "MiB")


def verdict_of(case):
    options = [o for kind in ("ignore", "dynamic") for r in case.get(kind, []) for o in (f"--{kind}", ",".join(map(str, r)))]
    done = subprocess.run([ours, *options, *case["files"], "-"], stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout)["verdict"]


def verdicts(name):
    cases = load(small, name)
    # What peers have no option for is left out for them.
    common = [c for c in cases if not c.get("ignore") and not c.get("dynamic")]
    peers = warm(small, name, 1)
    review = {c["name"]: c["expect"] in ("different", "shifted") for c in cases}
    found = {c["name"]: verdict_of(c) for c in cases}
    bench(f"cases_{name}", len(cases), "cases")
    bench(f"wrong_{name}", sum(found[c["name"]] != c["expect"] for c in cases), "verdicts")
    bench(f"missed_{name}", sum(review[n] and v not in ("different", "shifted") for n, v in found.items()), "cases")
    bench(f"alarms_{name}", sum(not review[n] and v in ("different", "shifted") for n, v in found.items()), "cases")
    for c in cases:
        if found[c["name"]] != c["expect"]:
            print(f"{name}: {c['name']}: {found[c['name']]}, expected {c['expect']}", file=sys.stderr)
    for peer in ("odiff", "odiff-aa"):
        said = {c["name"]: run(commands(c["files"])[peer])[3] != 0 for c in common}
        bench(f"wrong_{name}_{peer.replace('-', '_')}", sum(said[c["name"]] != review[c["name"]] for c in common), "verdicts")
    for peer in ("honeydiff", "pixelmatch"):
        said = {n: by[peer] for n, by in peers.items()}
        wrong = sum(said[c["name"]].get("error") is None and said[c["name"]]["review"] != review[c["name"]] for c in common)
        bench(f"wrong_{name}_{peer}", wrong, "verdicts")
        bench(f"refused_{name}_{peer}", sum(said[c["name"]].get("error") is not None for c in common), "cases")


speed()
verdicts("tuned")
verdicts("held_out")
verdicts("other_hand_1")
verdicts("other_hand_2")
verdicts("other_hand_3")
