package import Redis

/// The protocol: what must happen together happens in one of these.
package enum Scripts {
    package static let admit = ending("admit", PackageResources.admit_lua)
    package static let call = RedisScript(name: "call", source: PackageResources.call_lua)
    package static let commit = ending("commit", PackageResources.commit_lua)
    package static let allowance = RedisScript(
        name: "allowance",
        source: PackageResources.allowance_lua
    )
    package static let breaker = RedisScript(name: "breaker", source: PackageResources.breaker_lua)
    package static let bury = ending("bury", PackageResources.bury_lua)
    package static let expandBatch = ending("expand_batch", PackageResources.expand_batch_lua)
    package static let event = RedisScript(name: "event", source: PackageResources.event_lua)
    package static let join = RedisScript(name: "join", source: PackageResources.join_lua)
    package static let share = RedisScript(name: "share", source: PackageResources.share_lua)
    package static let remind = RedisScript(name: "remind", source: PackageResources.remind_lua)
    package static let requeue = RedisScript(
        name: "requeue",
        source: PackageResources.requeue_lua
    )
    package static let reserveGlobal = RedisScript(
        name: "reserve_global",
        source: PackageResources.reserve_global_lua
    )
    package static let settleGlobal = RedisScript(
        name: "settle_global",
        source: PackageResources.settle_global_lua
    )
    package static let take = RedisScript(name: "take", source: PackageResources.take_lua)
    package static let weigh = RedisScript(name: "weigh", source: PackageResources.weigh_lua)

    /// Run by supervisors.
    package static let lease = RedisScript(name: "lease", source: PackageResources.lease_lua)
    package static let fail = ending("fail", PackageResources.fail_lua)
    package static let expire = ending("expire", PackageResources.expire_lua)
    package static let cancel = ending("cancel", PackageResources.cancel_lua)
    package static let cancelBatch = RedisScript(
        name: "cancel_batch",
        source: PackageResources.cancel_batch_lua
    )
    package static let closeBatch = ending("close_batch", PackageResources.close_batch_lua)
    package static let reap = RedisScript(name: "reap", source: PackageResources.reap_lua)

    /// Run by operators.
    package static let find = RedisScript(name: "find", source: PackageResources.find_lua)

    /// Those that a worker runs.
    package static let ofWorkers = [
        admit, call, commit, bury, event, remind, requeue, reserveGlobal, settleGlobal, take, weigh,
        expandBatch, allowance, breaker, join, share,
    ]

    /// Those that a supervisor runs.
    package static let ofSupervisors = [lease, requeue, fail, expire, reap, settleGlobal]

    /// A script that ends requests: behind what all of those have alike, as Lua in Redis includes
    /// nothing by itself. One hash names both.
    static func ending(_ name: String, _ source: [UInt8]) -> RedisScript {
        RedisScript(name: name, source: PackageResources.ending_lua + source)
    }
}
