"""The weekly and the monthly report: one set of figures, each a row of the snapshot, in HTML, text and a workbook.

Nothing is computed here that a page computes otherwise: a figure holds the question that was put to the snapshot.
"""

from kifayat.report.parts import Edition, Report

__all__ = ["Edition", "Report"]
