"""Sections: what does each part of the report show?

A section is one module here, with one object (see `reports.pages.section.Section`), and the template
of the same name beside it. `reports.pages.page.SECTIONS` lists them in the order of the page.
"""
