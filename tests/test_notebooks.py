"""Notebooks: code cells are checked and fixed as one program, and all else stays as it is."""

from __future__ import annotations
