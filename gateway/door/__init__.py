"""The public door: /api for visitors with a session token, /c/<channel> for platforms and callers, pages, files."""
