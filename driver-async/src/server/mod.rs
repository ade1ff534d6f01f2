//! An FTP and FTPS server to embed.
