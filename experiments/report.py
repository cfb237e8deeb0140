"""The report: every table and figure with its caption, as Markdown and as one HTML file that needs no other file."""

import base64
import html
import re
from pathlib import Path

STYLE = """body { font: 15px/1.5 sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px } th, td { border: 1px solid #ccc; padding: .2em .6em }
th { background: #f2f2f2 } td:not(:first-child) { text-align: right } img { max-width: 100% } .caption { color: #555 }
code { background: #f5f5f5 }"""


def inline(text):
    text = html.escape(text, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def table_html(lines):
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    out = "<table><tr>" + "".join(f"<th>{inline(cell)}</th>" for cell in rows[0]) + "</tr>\n"
    for row in rows[2:]:
        out += "<tr>" + "".join(f"<td>{inline(cell)}</td>" for cell in row) + "</tr>\n"
    return out + "</table>\n"


def to_html(markdown, folder):
    """The HTML of the Markdown that this package writes: headings, paragraphs, tables and pictures."""
    out, lines = "", markdown.splitlines() + [""]
    paragraph, table = [], []
    for line in lines:
        if table and not line.startswith("|"):
            out += table_html(table)
            table = []
        if paragraph and (not line or line[0] in "#|!"):
            out += f"<p>{inline(' '.join(paragraph))}</p>\n"
            paragraph = []
        picture = re.fullmatch(r"!\[(.*)\]\((.*)\)", line)
        if line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            out += f"<h{level}>{inline(line.lstrip('# '))}</h{level}>\n"
        elif line.startswith("|"):
            table.append(line)
        elif picture:
            content = base64.b64encode((folder / picture[2]).read_bytes()).decode()
            out += f'<p><img alt="{html.escape(picture[1])}" src="data:image/png;base64,{content}"></p>\n'
        elif line:
            paragraph.append(line)
    return out


def write_report(title, sections, folder):
    """A section is (heading, caption, Markdown body, names of pictures)."""
    text = f"# {title}\n"
    for heading, caption, body, pictures in sections:
        text += f"\n## {heading}\n\n{caption}\n"
        for picture in pictures:
            if (folder / picture).exists():
                text += f"\n![{heading}]({picture})\n"
        text += f"\n{body.strip()}\n" if body.strip() else ""
    Path(folder / "report.md").write_text(text)
    page = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
    page += f"<style>{STYLE}</style></head><body>\n{to_html(text, folder)}</body></html>\n"
    Path(folder / "report.html").write_text(page)
