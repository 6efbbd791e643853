internal import Contract

extension Pipeline {
    /// How an entry leaves. A class: what has been decided waits in one word.
    ///
    /// Each step below returns before the next begins, so that while the model is asked, or the store,
    /// no frame of an earlier step is held.
    final class Exit: Sendable {
        enum Way: Sendable {
            case finished(Ending, Address, Identity, Books, Grounds)
            /// It had ended before, and its answer is gone.
            case reminded(Address, code: String, cost: NanoUSD)
            case buried(reason: String)
            case conflict(Address)
            /// This process is stopping: the entry is handed back.
            case released(Identity)
            /// There is nothing more to say.
            case done(Receipt)
        }

        let way: Way

        init(_ way: Way) { self.way = way }

        convenience init(
            refusing address: Address,
            _ identity: Identity,
            _ rejection: Rejection
        ) {
            self.init(.finished(.rejected(rejection), address, identity, .none, .none))
        }

        /// Of a request that is in no book.
        convenience init(refusing accepted: Accepted, _ rejection: Rejection, _ grounds: Grounds) {
            self.init(
                .finished(
                    .rejected(rejection),
                    accepted.address,
                    accepted.identity,
                    .none,
                    grounds
                )
            )
        }
    }
}
