"""`/__control`: what the pages show and do, as JSON for programs; `openapi.json` describes it."""
