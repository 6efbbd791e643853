// Postgres: libpq on the loop. Connect, query, rows, transaction, pipeline, copy.
// Belongs here: addresses, parameters, rows, errors by SQLSTATE, the life of a connection and a pool.
// Does not: names of tables and columns, what a row means, when a caller should try again.
//
// Read in this order:
//   Address.swift      where a server is and who we are there, without its password
//   Parameter.swift    what is handed in, as bytes     Rows.swift    what is answered
//   Errors.swift       what went wrong instead
//   Pool.swift         connections for whoever asks, no more than there may be
//   Connection.swift   one connection: connect, wait, end
//   Query.swift        a statement's way through it, alone, in a pipeline, as a copy
//   Handle.swift       one PGconn, from its making to its end

/// What a connection sends and takes at most; full is an answer.
package enum PostgresLimits {
    /// Parameters of one statement: the protocol counts them in 16 bits.
    package static let parametersMax = 65_535
    /// Bytes of one statement's parameters together: a batch of 500 rows of 256 KiB. The server
    /// takes 1 GiB, which would be this process' memory twice.
    package static let parameterBytesMax = 256 << 20
    /// Rows of one answer that are kept; who needs more reads page by page.
    package static let rowsMax = 100_000
    /// Bytes handed over by one call while copying in.
    package static let copyChunkBytes = 256 << 10
    /// Statements that a connection remembers as prepared.
    package static let preparedMax = 256
    /// How long a server may take to end what it was told to break off.
    package static let cancelTime = Duration.seconds(2)
}
