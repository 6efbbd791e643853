import Contract
import Gateways
import Logging
import Redis

/// What operators have asked for is done, in the order in which they did.
extension PartitionSupervisor {
    func obeyOperators(_ token: Supervision.Token) async throws(RedisError) {
        guard let orders = try await supervision.obey(as: terms.holder, token) else {
            return fenced(token)
        }
        pause = orders.pause
        overview.paused(supervision.keys.partition, orders.pause)
        for order in orders.obeyed {
            let facts: Logger.Metadata = [
                "command": "\(order.command)", "by": "\(order.by)",
                "partition": "\(supervision.keys.partition)",
            ]
            switch order.outcome {
            case .done: log.notice("an operator's command was carried out", metadata: facts)
            case .already: log.info("an operator asked for what was so already", metadata: facts)
            case .unknown: log.warning("an operator's command is not known", metadata: facts)
            }
        }
    }
}
