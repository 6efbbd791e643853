internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Where every request arrives: finds its route, checks its key, turns refusals into responses.
struct Reception: HTTPResponder {
    typealias Context = Connection

    let simulator: Simulator

    private static let clientRequestID = ResponseHeaders.name("x-client-request-id")

    func respond(to request: Request, context connection: Connection) async throws -> Response {
        let start = ContinuousClock.now
        let id = simulator.nextRequestID()
        do {
            return try await route(request, connection, id: id)
        } catch let error as APIError {
            return Response(error, requestID: id, elapsed: start.duration(to: .now))
        } catch is NIOTooManyBytesError {
            return Response(.bodyTooLarge, requestID: id, elapsed: start.duration(to: .now))
        } catch is Connection.Gone {
            // Nobody will read it: nginx's “client closed request”.
            return Response(status: HTTPResponse.Status(code: 499))
        }
    }

    private func route(
        _ request: Request,
        _ connection: Connection,
        id: String
    )
        async throws -> Response
    {
        let path = request.uri.path
        switch path {
        case "/v1/chat/completions":
            try check(request, is: .post)
            let clientID = request.headers[Self.clientRequestID]
            try authorize(request, clientID: clientID)
            let call = ChatCall(
                simulator: simulator,
                connection: connection,
                clientID: clientID,
                requestID: id,
                key: Self.key(request.headers[.authorization]),
                number: simulator.nextCall()
            )
            return try await call.respond(to: try await body(of: request))
        case "/v1/models":
            try check(request, is: .get)
            try authorize(request, clientID: nil)
            return json(ModelBodies.list(simulator.catalog), id)
        case _ where path.hasPrefix("/v1/models/"):
            try check(request, is: .get)
            try authorize(request, clientID: nil)
            let name = String(path.dropFirst("/v1/models/".count))
            return json(try ModelBodies.one(name, in: simulator.catalog), id)
        case _ where path.hasPrefix("/simulator/"):
            return json(try await control(request), id)
        default: throw APIError.unknownRoute(request.method.rawValue, path)
        }
    }

    private func json(_ bytes: [UInt8], _ id: String) -> Response {
        Response(
            .ok,
            ResponseHeaders.fields(
                contentType: "application/json",
                requestID: id,
                elapsed: .zero,
                limits: nil
            ),
            json: bytes
        )
    }

    private func body(of request: Request) async throws -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }),
            length > Limits.bodyBytesMax
        {
            throw APIError.bodyTooLarge
        }
        let buffer = try await request.body.collect(upTo: Limits.bodyBytesMax)
        return Array(buffer.readableBytesView)
    }

    private func check(_ request: Request, is method: HTTPRequest.Method) throws(APIError) {
        guard request.method == method else {
            throw .wrongMethod(
                request.method.rawValue,
                request.uri.path,
                allowed: method.rawValue
            )
        }
    }

    private func authorize(_ request: Request, clientID: String?) throws(APIError) {
        guard let error = refusal(of: request.headers[.authorization]) else { return }
        if request.method == .post {
            CallAccount(simulator.book, model: nil, requestID: clientID, tokens: CallTokens())
                .fail()
        }
        throw error
    }

    private func refusal(of authorization: String?) -> APIError? {
        guard let key = Self.key(authorization) else { return .missingKey }
        return simulator.accepts(key: key) ? nil : .incorrectKey(key)
    }

    private static func key(_ authorization: String?) -> String? {
        let scheme = "bearer "
        guard let authorization, authorization.lowercased().hasPrefix(scheme) else { return nil }
        return String(authorization.dropFirst(scheme.count).trimming { $0 == " " })
    }

    // MARK: - Control

    private func control(_ request: Request) async throws -> [UInt8] {
        switch (request.uri.path, request.method) {
        case ("/simulator/health", .get): return Array(simulator.health.text.utf8)
        case ("/simulator/usage", .get):
            let id = request.uri.queryParameters["request_id"].map(String.init)
            return simulator.book.snapshot.report(onlyRequest: id)
        case ("/simulator/behavior", .get): break
        case ("/simulator/behavior", .post):
            let bytes = try await body(of: request)
            guard let json = try? JSONParser.parse(bytes) else { throw APIError.invalidJSON }
            try simulator.script.append(try Misbehavior.list(json))
        case ("/simulator/behavior", .delete): simulator.script.clear()
        case ("/simulator/reset", .post): simulator.reset()
        case ("/simulator/health", _), ("/simulator/usage", _), ("/simulator/behavior", _),
            ("/simulator/reset", _):
            let allowed =
                switch request.uri.path {
                case "/simulator/behavior": "GET, POST, DELETE"
                case "/simulator/reset": "POST"
                default: "GET"
                }
            throw APIError.wrongMethod(
                request.method.rawValue,
                request.uri.path,
                allowed: allowed
            )
        default: throw APIError.unknownRoute(request.method.rawValue, request.uri.path)
        }
        let script = JSONValue.array(simulator.script.inForce.map(\.json))
        return Array(JSONValue.object([.init("behaviors", script)]).text.utf8)
    }
}

/// The bodies of `GET /v1/models[/{id}]`.
package enum ModelBodies {
    package static func list(_ catalog: ModelCatalog) -> [UInt8] {
        let models = catalog.liveNames.map { json($0.name, $0.entry) }
        let list: JSONValue = ["object": "list", "data": .array(models)]
        return Array(list.text.utf8)
    }

    package static func one(_ name: String, in catalog: ModelCatalog) throws(APIError) -> [UInt8] {
        guard case .live(let entry) = catalog.find(name) else {
            throw APIError(
                404,
                code: "model_not_found",
                param: "model",
                "The model '\(name)' does not exist or you do not have access to it."
            )
        }
        return Array(json(name, entry).text.utf8)
    }

    private static func json(_ name: String, _ entry: SimulatedModelEntry) -> JSONValue {
        [
            "id": .string(name), "object": "model", "created": .integer(entry.created),
            "owned_by": "system",
            "shutdown_date": entry.shutdownDate.map(JSONValue.string) ?? .null,
        ]
    }
}
