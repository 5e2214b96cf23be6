"""The sandbox's own pages for people, the payer's pages, and the same as JSON under `/__control`.

`site` finds the view of a request, `views` has one file for each page, `html` and `layout` write them, and `control` is
the JSON. It uses the controls, the server and what is below them; only `sandbox` uses it.
"""
