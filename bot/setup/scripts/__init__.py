"""Existing deploy scripts: their statements in order, those that the recipes know, and the recipe that they become."""
