"""What people can do, a file per capability. Handlers act on the office and show screens; they know no platform."""
