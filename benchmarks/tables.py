"""Write tables of documents from benchmarks/results/: what stands between `<!-- table: NAME -->` and `<!-- end -->`.

python benchmarks/tables.py [--check]
"""

import argparse
import re
import sys
from pathlib import Path

from documents import humans, looking_closer, metric, readme, robustness, use

HERE = Path(__file__).parent
DOCUMENTS = [
    HERE.parent / name
    for name in (
        "README.md",
        "docs/humans.md",
        "docs/looking-closer.md",
        "docs/metric.md",
        "docs/mteb.md",
        "docs/publishing.md",
        "docs/robustness.md",
        "docs/stress.md",
        "docs/use.md",
        "emobox_metric/ser_metric/README.md",
    )
]
BLOCK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.S)
TABLES = {
    name: table
    for module in (readme, metric, humans, looking_closer, robustness, use)
    for name, table in module.TABLES.items()
}


def rendered(text: str) -> str:
    """The text with every table made anew."""
    return BLOCK.sub(lambda block: block[1] + TABLES[block[2]]() + block[3], text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 if tables differ")
    arguments = parser.parse_args()
    texts = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
    new = {path: rendered(text) for path, text in texts.items()}
    if arguments.check:
        sys.exit(new != texts)
    for path, text in new.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
