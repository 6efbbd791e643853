/// A task as seen from outside: it can be cancelled while it runs, and that is all.
///
/// Child tasks of a discarding group have no handle. The one that Swift gives to the task itself may
/// be used by others as long as the task runs, which is why `Consumer` forgets it first.
@safe
struct RunningTask {
    private let task: UnsafeCurrentTask

    private init(_ task: UnsafeCurrentTask) { unsafe self.task = task }

    /// The task that calls this. Forget it before that task ends.
    static var current: RunningTask? {
        unsafe withUnsafeCurrentTask { task in
            unsafe task.map { unsafe RunningTask($0) }
        }
    }

    func cancel() { unsafe task.cancel() }
}
