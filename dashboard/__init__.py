"""The pages: what a person sees of the published snapshot, and nothing that was not published.

Each page is a file in `views/` with one `VIEW`; it draws with `widgets` and `charts` and reads through the
`Context`. SQL sums, Python only writes. The only room that imports Streamlit.
"""
