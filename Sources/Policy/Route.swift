/// One way to a model: an endpoint, and the model that is asked for there.
package struct Route: Hashable, Sendable {
    /// The operator's name for it; `primary` is that of `OPENAI_BASE_URL`.
    package let endpoint: String
    /// As it is asked for.
    package let model: String

    package init(endpoint: String, model: String) {
        self.endpoint = endpoint
        self.model = model
    }

    package static let primary = "primary"

    /// Every model at every endpoint, in the order in which they are tried: the next endpoint goes
    /// before the next model, since it answers the same.
    package static func chain(models: [String], endpoints: [String]) -> [Route] {
        models.flatMap { model in endpoints.map { Route(endpoint: $0, model: model) } }
    }
}
