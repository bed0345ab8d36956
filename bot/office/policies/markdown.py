"""Markdown as far as a page needs it: paragraphs, lists, bold and links under `##` headings. The rest is a fault."""

from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from bot.office.policies.model import Block, Bullets, Paragraph, Part
from bot.text import Piece, Style, Text, as_text, bold, join, link

_parser = MarkdownIt("commonmark", {"html": False})
_LINKS = ("https://", "http://", "tel:", "mailto:")


class Fault(ValueError):
    """A page has what a chat cannot show; the words say where and what."""


def read_parts(body: str) -> tuple[Part, ...]:
    """The parts of a page's body, in order. Raises Fault."""
    parts: list[Part] = []
    for node in SyntaxTreeNode(_parser.parse(body)).children:
        if node.type == "heading":
            parts.append(Part(_heading(node), ()))
        elif not parts:
            raise Fault(f"{_line(node)}: words before the first ## heading")
        else:
            parts[-1] = Part(parts[-1].heading, (*parts[-1].blocks, _block(node)))
    empty = [part.heading for part in parts if not part.blocks]
    if empty:
        raise Fault(f"nothing stands under “{empty[0]}”")
    return tuple(parts)


def _heading(node: SyntaxTreeNode) -> str:
    words = str(_words(node))
    if node.tag != "h2" or not words:
        raise Fault(f"{_line(node)}: headings are written ## and have words")
    return words


def _block(node: SyntaxTreeNode) -> Block:
    if node.type == "paragraph":
        words = _words(node)
        if str(words).startswith("|"):  # no chat can show it, and residents would read the strokes
            raise Fault(f"{_line(node)}: a page has paragraphs and bullet lists, no table")
        return Paragraph(words)
    if node.type == "bullet_list":
        return Bullets(tuple(_item(item) for item in node.children))
    raise Fault(f"{_line(node)}: a page has paragraphs and bullet lists, no {node.type.replace('_', ' ')}")


def _item(node: SyntaxTreeNode) -> Text:
    if any(child.type != "paragraph" for child in node.children):
        raise Fault(f"{_line(node)}: a point of a list is one or more plain paragraphs")
    return join(_words(child) for child in node.children)


def _words(block: SyntaxTreeNode) -> Text:
    """The words of a paragraph or heading as Text, neighbouring plain words in one piece."""
    pieces: list[Piece] = []
    for piece in _pieces(block.children[0].children if block.children else (), block):
        if pieces and pieces[-1].style is piece.style is Style.PLAIN:
            piece = Piece(pieces.pop().words + piece.words)
        pieces.append(piece)
    if any("**" in piece.words for piece in pieces):
        raise Fault(f"{_line(block)}: a bold mark ** that does not close")
    return Text(tuple(pieces))


def _pieces(nodes: Iterable[SyntaxTreeNode], block: SyntaxTreeNode) -> Iterator[Piece]:
    before = ""
    for node in nodes:
        text = _inline(node, before, block)
        before = str(text)
        yield from text.pieces


def _inline(node: SyntaxTreeNode, before: str, block: SyntaxTreeNode) -> Text:
    if node.type == "text":
        return as_text(node.content)
    if node.type in ("softbreak", "hardbreak"):
        return as_text(" " if before.isascii() else "")  # Chinese lines join without a space
    if node.type == "strong":
        return bold(_plain(node))
    if node.type == "link" and str(node.attrs["href"]).startswith(_LINKS):
        return link(_plain(node), str(node.attrs["href"]))
    raise Fault(f"{_line(block)}: a page has bold words and links to the outside, no {node.type.replace('_', ' ')}")


def _plain(node: SyntaxTreeNode) -> str:
    return "".join(child.content for child in node.walk() if child.type == "text")


def _line(node: SyntaxTreeNode) -> str:
    """Where in the body a block begins."""
    return f"line {node.map[0] + 1} of the body" if node.map else "the body"
