internal import EventLoop

/// A statement and what is handed to it.
package struct PostgresStatement: Sendable {
    package let sql: String
    package let parameters: [PostgresParameter]
    /// Whether the server keeps it parsed, for the next time. By default it does.
    package let isPrepared: Bool

    package init(_ sql: String, _ parameters: [PostgresParameter] = [], isPrepared: Bool = true) {
        self.sql = sql
        self.parameters = parameters
        self.isPrepared = isPrepared
    }
}

// MARK: - One statement

extension PostgresConnection {
    /// Runs one statement.
    ///
    /// - Parameter limit: How long the answer may take, in place of the options' limit, which the
    ///   server knows as well.
    @discardableResult
    package func query(
        _ sql: String,
        _ parameters: [PostgresParameter] = [],
        isPrepared: Bool = true,
        limit: Duration? = nil
    ) async throws(PostgresError) -> PostgresRows {
        let statement = PostgresStatement(sql, parameters, isPrepared: isPrepared)
        return try await whole(within: limit) { (connection, handle, deadline) throws(Broken) in
            let name = try await connection.prepare(statement, handle, deadline)
            guard handle.send(sql, prepared: name, parameters) else {
                throw Broken.lost(handle.complaint)
            }
            return try await connection.answer(handle, deadline)
        }
    }

    /// Runs several statements without parameters, as in a file, in one transaction of their own
    /// unless they say otherwise. Their rows are not for reading.
    package func script(
        _ sql: String,
        limit: Duration? = nil
    ) async throws(PostgresError) {
        _ = try await whole(within: limit) { (connection, handle, deadline) throws(Broken) in
            guard handle.sendScript(sql) else { throw Broken.lost(handle.complaint) }
            return try await connection.answer(handle, deadline)
        }
    }

    /// Sends all of these before the first is answered: one way there and back for the lot. Outside
    /// of a transaction they are one: when one fails, none of them happened.
    ///
    /// - Throws: The error of the first that failed.
    package func pipeline(
        _ statements: [PostgresStatement],
        limit: Duration? = nil
    ) async throws(PostgresError) -> [PostgresRows] {
        guard !statements.isEmpty else { return [] }
        return try await whole(within: limit) { (connection, handle, deadline) throws(Broken) in
            try await connection.pipeline(statements, handle, deadline)
        }
    }

    /// Ends a transaction as if it had never been. Where that fails the connection has ended.
    func rollBack() async {
        do throws(PostgresError) { try await query("ROLLBACK", isPrepared: false) } catch {}
    }

    /// Copies rows into a table, in the server's text form.
    ///
    /// - Parameters:
    ///   - sql: `COPY … FROM STDIN`.
    ///   - next: The next part of the rows; nil at their end.
    package func copyIn(
        _ sql: String,
        limit: Duration? = nil,
        _ next: @Sendable () -> [UInt8]?
    ) async throws(PostgresError) -> Int {
        let rows = try await whole(within: limit) { (connection, handle, deadline) throws(Broken) in
            guard handle.sendScript(sql) else { throw Broken.lost(handle.complaint) }
            return try await connection.copy(handle, deadline, next)
        }
        return rows.affected
    }
}

// MARK: - Whole or not at all

extension PostgresConnection {
    /// Why a statement has no answer, from inside.
    enum Broken: Error {
        /// The server said no, and the connection is in order.
        case refused(PostgresServerError)
        case lost(String)
        case late
        case cancelled
    }

    /// Runs an exchange to its end. One that does not come to it ends the connection.
    private func whole<Answer: Sendable>(
        within limit: Duration?,
        _ exchange:
            (
                isolated PostgresConnection, Handle, EventLoop.Instant
            ) async throws(Broken) -> Answer
    ) async throws(PostgresError) -> Answer {
        guard let handle else { throw .notConnected("the connection has ended") }
        let deadline = loop.now + (limit ?? options.statementTimeLimit + PostgresLimits.cancelTime)
        do throws(Broken) {
            return try await exchange(self, handle, deadline)
        } catch {
            switch error {
            case .refused(let refusal):
                // The server ends a connection with its last word in this form, too.
                if handle.isBad { close() }
                throw .server(refusal)
            case .lost(let why):
                close()
                throw .connectionLost(why)
            case .late:
                handle.cancelInBackground()
                close()
                throw .timedOut
            case .cancelled:
                handle.cancelInBackground()
                close()
                throw .cancelled
            }
        }
    }

    /// The name under which the server has it parsed; nil where it is not to be.
    private func prepare(
        _ statement: PostgresStatement,
        _ handle: Handle,
        _ deadline: EventLoop.Instant
    ) async throws(Broken) -> String? {
        guard statement.isPrepared else { return nil }
        if let name = prepared[statement.sql] { return name }
        guard prepared.count < PostgresLimits.preparedMax else { return nil }
        let name = "s\(prepared.count)"
        guard handle.prepare(name, statement.sql, statement.parameters.map(\.type)) else {
            throw .lost(handle.complaint)
        }
        _ = try await answer(handle, deadline)
        prepared[statement.sql] = name
        return name
    }

    private func answer(
        _ handle: Handle,
        _ deadline: EventLoop.Instant
    ) async throws(Broken) -> PostgresRows {
        try await flush(handle, deadline)
        var (rows, refusal): (PostgresRows, PostgresServerError?) = (.none, nil)
        while let result = try await next(handle, deadline) {
            switch result.kind {
            case .rows, .done: rows = result.copied()
            case .failed: refusal = refusal ?? result.error
            case .copyIn:
                // Nobody has anything to copy: the statement was not one for this call.
                guard handle.endCopy() != .failed else { throw .lost(handle.complaint) }
            case .synchronized, .skipped: break
            }
        }
        if let refusal { throw .refused(refusal) }
        return rows
    }

    private func pipeline(
        _ statements: [PostgresStatement],
        _ handle: Handle,
        _ deadline: EventLoop.Instant
    ) async throws(Broken) -> [PostgresRows] {
        var names: [String?] = []
        for statement in statements {
            names.append(try await prepare(statement, handle, deadline))
        }
        guard handle.enterPipeline() else { throw .lost(handle.complaint) }
        for (statement, name) in zip(statements, names) {
            guard handle.send(statement.sql, prepared: name, statement.parameters) else {
                throw .lost(handle.complaint)
            }
        }
        guard handle.synchronize() else { throw .lost(handle.complaint) }
        try await flush(handle, deadline)
        var (answers, refusal): ([PostgresRows], PostgresServerError?) = ([], nil)
        var isOver = false
        while !isOver {
            // Between two statements' answers there is an end, which is nil.
            guard let result = try await next(handle, deadline) else { continue }
            switch result.kind {
            case .rows, .done: answers.append(result.copied())
            case .failed: refusal = refusal ?? result.error
            case .synchronized: isOver = true
            case .skipped, .copyIn: break
            }
        }
        guard handle.leavePipeline() else { throw .lost(handle.complaint) }
        if let refusal { throw .refused(refusal) }
        return answers
    }

    private func copy(
        _ handle: Handle,
        _ deadline: EventLoop.Instant,
        _ next: () -> [UInt8]?
    ) async throws(Broken) -> PostgresRows {
        try await flush(handle, deadline)
        guard let first = try await self.next(handle, deadline) else {
            throw .lost(handle.complaint)
        }
        guard first.kind == .copyIn else {
            let isFailure = first.kind == .failed
            let error = first.error
            while try await self.next(handle, deadline) != nil {}
            guard isFailure else { throw .lost("the statement copies nothing in") }
            throw .refused(error)
        }
        while let chunk = next() {
            try await put(handle, deadline) { handle.putCopy(chunk.span) }
        }
        try await put(handle, deadline) { handle.endCopy() }
        return try await answer(handle, deadline)
    }

    private func put(
        _ handle: Handle,
        _ deadline: EventLoop.Instant,
        _ act: () -> Handle.Put
    ) async throws(Broken) {
        while true {
            switch act() {
            case .taken: return try await flush(handle, deadline)
            case .full: try await flush(handle, deadline)
            case .failed: throw .lost(handle.complaint)
            }
        }
    }

    /// Writes all that was sent, reading meanwhile: a server that is not read from stops reading.
    private func flush(_ handle: Handle, _ deadline: EventLoop.Instant) async throws(Broken) {
        while true {
            switch handle.flush() {
            case .all: return
            case .failed: throw .lost(handle.complaint)
            case .some:
                try await ready(for: [.read, .write], handle, deadline)
                guard handle.consume() else { throw .lost(handle.complaint) }
            }
        }
    }

    /// The next answer; nil at the end of a statement's.
    private func next(
        _ handle: Handle,
        _ deadline: EventLoop.Instant
    ) async throws(Broken) -> ResultSet? {
        while handle.isBusy {
            try await ready(for: .read, handle, deadline)
            guard handle.consume() else { throw .lost(handle.complaint) }
        }
        return handle.nextResult()
    }

    private func ready(
        for interest: EventLoop.Interest,
        _ handle: Handle,
        _ deadline: EventLoop.Instant
    ) async throws(Broken) {
        switch await wait(for: interest, on: handle, until: deadline) {
        case .ready: return
        case .late: throw .late
        case .cancelled: throw .cancelled
        }
    }
}
