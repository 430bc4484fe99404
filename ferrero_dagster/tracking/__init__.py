"""The tracking database: all SQL is here, and the migrations."""
