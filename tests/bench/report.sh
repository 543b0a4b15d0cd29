#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes JSON and plots of what the other measurements have left in build/bench: bench.json, entry.svg, scale.svg there,
# and requests.svg in build/web.
set -euo pipefail
cd "$(dirname "$0")/../../build/bench"
export LC_ALL=C.UTF-8

for tool in jq/jq gnuplot/gnuplot-nox; do
	command -v "${tool%/*}" >/dev/null || {
		echo "bench: cannot make plots and JSON: there is no ${tool%/*}; on Debian, it is in the package ${tool#*/}" >&2
		exit 1
	}
done

for file in *.tsv; do
	# Each file's first line names the columns.
	jq -Rn --arg name "${file%.tsv}" '[inputs | split("\t")] | .[0] as $columns | .[1:] |
		map([$columns, .] | transpose | map({(.[0]): (.[1] | tonumber? // .)}) | add) | {($name): .}' "$file"
done | jq -s --arg system "$(uname -srm)" --arg processors "$(nproc)" \
	'{system: $system, processors: ($processors | tonumber)} + add' >bench.json

# Grey text and no background, so that a plot can be read on a light page and on a dark one.
style='set terminal svg size 760,%d font "sans-serif,13" noenhanced
set border lc rgb "#808080"; set tics nomirror textcolor rgb "#808080"; set mxtics 1; set mytics 1; set key textcolor rgb "#808080"
set grid lc rgb "#808080" lw 0.3; set xlabel textcolor rgb "#808080"; set datafile separator "\t"'

# The 10th percentiles of wall clock, which other work on the machine changes least; the program has a colour of its own.
awk -F '\t' -v OFS='\t' 'NR > 1 && !seen[$2]++ { print $2, $4 / 1000, $2 ~ /^trampoline/ ? 1 : $2 ~ /^(bare|kernel)/ ? 0 : 2 }' entry.tsv |
	sort -t "$(printf '\t')" -k 2g >entry.dat
rows=$(wc -l <entry.dat)
# shellcheck disable=SC2059 # the style has a size
{
	printf "$style\n" $((rows * 24 + 60))
	cat <<END
set output "entry.svg"
set logscale x; set xrange [0.1:2000]; set yrange [$rows - 0.4:-0.6]; set rmargin 8; unset key
set xlabel "milliseconds from posix_spawn to exit, 10th percentile"
set style fill solid noborder
color(n) = n == 1 ? 0x2f7ed8 : n == 0 ? 0x8a8a8a : 0xc9853b
plot "entry.dat" using 2:0:(0.1):2:(\$0 - 0.36):(\$0 + 0.36):(color(\$3)):ytic(1) with boxxyerror lc rgb variable, \\
	"" using 2:0:(sprintf(\$2 < 10 ? " %.2g" : " %.0f", \$2)) with labels left textcolor rgb "#808080"
END
} | gnuplot
if [ -e scale.tsv ]; then
	# shellcheck disable=SC2059
	{
		printf "$style\n" 360
		cat <<END
set output "scale.svg"
set logscale xy; set yrange [0.1:2000]; set key left top
set xlabel "live jails"; set ylabel "milliseconds" textcolor rgb "#808080"
plot "scale.tsv" every ::1 using 1:(\$2 / 1000) with linespoints lw 2 pt 7 lc rgb "#2f7ed8" title "an entry", \\
	"" every ::1 using 1:5 with linespoints lw 2 pt 5 lc rgb "#c9853b" title "--list", \\
	"" every ::1 using 1:7 with linespoints lw 2 pt 9 lc rgb "#4a9e5c" title "--cleanup"
END
	} | gnuplot
fi
if [ -e web.tsv ]; then
	mkdir -p ../web
	ways=$(awk -F '\t' 'NR > 1 && !seen[$1]++ { printf "%s\"%s\"", separator, $1; separator = "," }' web.tsv)
	# shellcheck disable=SC2059
	{
		printf "$style\n" 400
		cat <<END
set output "../web/requests.svg"
array way = [$ways]
array colours = [0x8a8a8a, 0x2f7ed8, 0x1b4f8a, 0xc9853b, 0x8f5a1f]
set datafile missing NaN; set multiplot layout 1, 2
set logscale x 2; set xtics (1, 8, 32); set xrange [0.8:40]; set xlabel "requests in flight"; set yrange [0:*]
unset key; set ylabel "requests per second" textcolor rgb "#808080"
plot for [i = 1:|way|] "web.tsv" every ::1 using 2:(strcol(1) eq way[i] ? \$3 : NaN) with linespoints lw 2 pt 7 lc rgb colours[i]
set key bottom right Left reverse samplen 1; set logscale y; set yrange [*:*]; set ylabel "milliseconds, median to 99th percentile" textcolor rgb "#808080"
plot for [i = 1:|way|] "web.tsv" every ::1 using (\$2 * (1 + 0.06 * (i - 3))):(strcol(1) eq way[i] ? \$4 : NaN):4:5 with yerrorbars lw 2 pt 7 ps 0.7 lc rgb colours[i] title way[i]
unset multiplot
END
	} | gnuplot
	sed -i 's/[[:space:]]*$//' ../web/requests.svg
fi
sed -i 's/[[:space:]]*$//' ./*.svg
echo "bench: bench.json, entry.svg and scale.svg are in build/bench, requests.svg in build/web"
