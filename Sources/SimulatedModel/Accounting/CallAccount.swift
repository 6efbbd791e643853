internal import Synchronization

/// The duty to enter one call into the book, once.
///
/// A class, because the body of a streamed response is an escaping closure, which nothing that
/// cannot be copied can enter. Dropped without an ending (the connection died before the response
/// began), it enters the call as cut.
package final class CallAccount: Sendable {
    private let book: UsageBook
    private let model: String?
    private let requestID: String?
    private let tokens: CallTokens
    private let isOpen = Atomic(true)

    /// - Parameter tokens: What the call costs when it completes.
    package init(_ book: UsageBook, model: String?, requestID: String?, tokens: CallTokens) {
        self.book = book
        self.model = model
        self.requestID = requestID
        self.tokens = tokens
        book.begin()
    }

    deinit {
        if isOpen.load(ordering: .relaxed) { enter(.cut, costing(completion: 0)) }
    }

    package func complete() { close(.completed, tokens) }
    package func fail() { close(.failed, CallTokens()) }

    /// - Parameter completion: Tokens generated so far; the prompt is billed whole.
    package func cut(completion: Int) { close(.cut, costing(completion: completion)) }

    private func costing(completion: Int) -> CallTokens {
        var tokens = tokens
        tokens.completion = min(completion, tokens.completion)
        tokens.reasoning = min(tokens.reasoning, tokens.completion)
        return tokens
    }

    private func close(_ ending: Usage.Ending, _ tokens: CallTokens) {
        if isOpen.exchange(false, ordering: .relaxed) { enter(ending, tokens) }
    }

    private func enter(_ ending: Usage.Ending, _ tokens: CallTokens) {
        book.end(ending, tokens: tokens, model: model, requestID: requestID)
    }
}
