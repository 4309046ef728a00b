"""The web application: server-rendered pages that work without JavaScript; htmx only refines them."""
