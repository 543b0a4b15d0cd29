# SPDX-License-Identifier: MIT
# Prints a literal text of a manual page: the NUMBERth under its HEADING (-v), as a reader sees it.
BEGIN { heading = ".Ss " heading }
/^\.S[hs]/ { is_here = $0 == heading }
/^\.Ed/ { is_text = 0 }
is_text { gsub(/\\e/, "\\"); print }
is_here && /^\.Bd/ && ++seen == number { is_text = 1 }
