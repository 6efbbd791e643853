internal import CLibpq
internal import Glibc

/// One connection's handle. The corresponding C type is `PGconn *`; freed by `PQfinish`.
///
/// Every call is one of libpq's that does not block, once `beginConnecting` has been given addresses.
@safe final class Handle {
    private let pointer: OpaquePointer

    enum Step { case reading, writing, done, failed }

    /// Begins to connect. Nil when libpq has no memory.
    /// The corresponding C function is `PQconnectStartParams`.
    init?(_ options: [(String, String)]) {
        let names = unsafe options.map { unsafe strdup($0.0) }
        let values = unsafe options.map { unsafe strdup($0.1) }
        defer {
            for index in unsafe names.indices { unsafe free(names[index]) }
            for index in unsafe values.indices { unsafe free(values[index]) }
        }
        let keywords = unsafe names.map { unsafe UnsafePointer($0) } + [nil]
        let texts = unsafe values.map { unsafe UnsafePointer($0) } + [nil]
        guard let made = unsafe PQconnectStartParams(keywords, texts, 0) else { return nil }
        unsafe pointer = made
        unsafe PQsetNoticeProcessor(made, isNoticed, nil)
    }

    deinit { unsafe PQfinish(pointer) }

    var descriptor: Int32 { unsafe PQsocket(pointer) }
    var isBad: Bool { unsafe PQstatus(pointer) == CONNECTION_BAD }
    var isIdle: Bool { unsafe PQtransactionStatus(pointer) == PQTRANS_IDLE }
    var isBusy: Bool { unsafe PQisBusy(pointer) != 0 }

    /// What libpq says went wrong: one line.
    var complaint: String {
        let text = unsafe String(cString: PQerrorMessage(pointer))
        let line = text.split(whereSeparator: \.isNewline).joined(separator: "; ")
        return line.isEmpty ? "the server closed the connection" : line
    }

    func goOnConnecting() -> Step {
        switch unsafe PQconnectPoll(pointer) {
        case PGRES_POLLING_READING: .reading
        case PGRES_POLLING_WRITING: .writing
        case PGRES_POLLING_OK: unsafe PQsetnonblocking(pointer, 1) == 0 ? .done : .failed
        default: .failed
        }
    }

    // MARK: Sending

    func prepare(_ name: String, _ sql: String, _ types: [UInt32]) -> Bool {
        unsafe PQsendPrepare(pointer, name, sql, Int32(types.count), types) != 0
    }

    /// - Parameter prepared: The name of the statement; nil sends `sql` itself.
    func send(_ sql: String, prepared: String?, _ parameters: [PostgresParameter]) -> Bool {
        var arena: [UInt8] = []
        var ends: [(start: Int, isNull: Bool)] = []
        for parameter in parameters {
            let start = arena.count
            ends.append((start, !parameter.append(to: &arena)))
        }
        // Not empty, so that it has an address.
        arena.append(0)
        let count = Int32(parameters.count)
        var lengths: [Int32] = []
        for index in ends.indices {
            let end = index + 1 < ends.count ? ends[index + 1].start : arena.count - 1
            lengths.append(Int32(end - ends[index].start))
        }
        let formats = [Int32](repeating: 1, count: parameters.count)
        let types = parameters.map(\.type)
        return unsafe arena.withUnsafeBytes { bytes in
            // SAFETY: libpq copies what the pointers lead to before it returns.
            let values: [UnsafePointer<CChar>?] = unsafe ends.map { end in
                unsafe end.isNull
                    ? nil
                    : bytes.baseAddress?.advanced(by: end.start)
                        .assumingMemoryBound(to: CChar.self)
            }
            guard let prepared else {
                return unsafe PQsendQueryParams(
                    pointer,
                    sql,
                    count,
                    types,
                    values,
                    lengths,
                    formats,
                    1
                ) != 0
            }
            return unsafe PQsendQueryPrepared(
                pointer,
                prepared,
                count,
                values,
                lengths,
                formats,
                1
            ) != 0
        }
    }

    /// Several statements, without parameters; answers come as text.
    func sendScript(_ sql: String) -> Bool { unsafe PQsendQuery(pointer, sql) != 0 }

    func enterPipeline() -> Bool { unsafe PQenterPipelineMode(pointer) != 0 }
    func leavePipeline() -> Bool { unsafe PQexitPipelineMode(pointer) != 0 }
    func synchronize() -> Bool { unsafe PQpipelineSync(pointer) != 0 }

    enum Flushed { case all, some, failed }

    func flush() -> Flushed {
        switch unsafe PQflush(pointer) {
        case 0: .all
        case 1: .some
        default: .failed
        }
    }

    func consume() -> Bool { unsafe PQconsumeInput(pointer) != 0 }

    /// Nil when the statement has nothing more to say. Not while `isBusy`.
    func nextResult() -> ResultSet? {
        guard let result = unsafe PQgetResult(pointer) else { return nil }
        return unsafe ResultSet(owning: result)
    }

    enum Put { case taken, full, failed }

    func putCopy(_ bytes: Span<UInt8>) -> Put {
        let code = unsafe bytes.withUnsafeBytes { bytes in
            unsafe PQputCopyData(
                pointer,
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                Int32(bytes.count)
            )
        }
        return code == 1 ? .taken : code == 0 ? .full : .failed
    }

    func endCopy() -> Put {
        let code = unsafe PQputCopyEnd(pointer, nil)
        return code == 1 ? .taken : code == 0 ? .full : .failed
    }

    // MARK: Breaking off

    /// Tells the server to break off what it runs for this connection, from a thread of its own:
    /// before version 17 libpq can do that only by waiting for it.
    /// The corresponding C type is `PGcancel *`; functions: `PQgetCancel`, `PQcancel`, `PQfreeCancel`.
    func cancelInBackground() {
        guard let order = unsafe PQgetCancel(pointer) else { return }
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread,
            nil,
            { order in
                guard let order = unsafe order else { return nil }
                var reason = [CChar](repeating: 0, count: 256)
                let size = Int32(reason.count)
                _ = unsafe PQcancel(OpaquePointer(order), &reason, size)
                unsafe PQfreeCancel(OpaquePointer(order))
                return nil
            },
            UnsafeMutableRawPointer(order)
        )
        guard code == 0 else { return unsafe PQfreeCancel(order) }
        pthread_detach(thread)
    }
}

/// Notices are nobody's: libpq would write them to standard error.
@c private func isNoticed(_ box: UnsafeMutableRawPointer?, _ message: UnsafePointer<CChar>?) {}

/// One answer. The corresponding C type is `PGresult *`; freed by `PQclear`.
@safe struct ResultSet: ~Copyable {
    private let pointer: OpaquePointer

    enum Kind { case rows, copyIn, done, synchronized, skipped, failed }

    /// Takes ownership: the caller must not `PQclear` what it passed.
    init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }
    deinit { unsafe PQclear(pointer) }

    var kind: Kind {
        switch unsafe PQresultStatus(pointer) {
        case PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE: .rows
        case PGRES_COPY_IN: .copyIn
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: .done
        case PGRES_PIPELINE_SYNC: .synchronized
        case PGRES_PIPELINE_ABORTED: .skipped
        default: .failed
        }
    }

    var error: PostgresServerError {
        PostgresServerError(
            state: SQLState(rawValue: field(Int32(UInt8(ascii: "C"))) ?? ""),
            message: field(Int32(UInt8(ascii: "M"))) ?? "no reason given",
            constraint: field(Int32(UInt8(ascii: "n")))
        )
    }

    private func field(_ code: Int32) -> String? {
        unsafe PQresultErrorField(pointer, code).map { unsafe String(cString: $0) }
    }

    var rowCount: Int { Int(unsafe PQntuples(pointer)) }

    func copied() -> PostgresRows {
        let columns = unsafe PQnfields(pointer)
        let count = unsafe PQntuples(pointer)
        let names = (0..<columns).map { column in
            unsafe PQfname(pointer, column).map { unsafe String(cString: $0) } ?? ""
        }
        let rows = (0..<count).map { row in
            PostgresRow(cells: (0..<columns).map { cell(row, $0) })
        }
        let affected = unsafe PQcmdTuples(pointer).flatMap { unsafe Int(String(cString: $0)) }
        return PostgresRows(columns: names, rows: rows, affected: affected ?? 0)
    }

    private func cell(_ row: Int32, _ column: Int32) -> [UInt8]? {
        guard unsafe PQgetisnull(pointer, row, column) == 0 else { return nil }
        let size = Int(unsafe PQgetlength(pointer, row, column))
        guard let value = unsafe PQgetvalue(pointer, row, column) else { return [] }
        return unsafe Array(
            UnsafeBufferPointer(
                start: UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self),
                count: size
            )
        )
    }
}
