"""The operators' door: keys, roles and the routes of /admin/api."""
