package sqldb

import sqlite3 "modernc.org/sqlite/lib"

// SQLiteVersion is that of the SQLite that the program contains, such as "3.51.3".
const SQLiteVersion = sqlite3.SQLITE_VERSION
