"""A result for people: words for figures, and one self-contained HTML page."""

from streamproc.report.page import render_report

__all__ = ["render_report"]
