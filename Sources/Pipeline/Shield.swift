/// Runs `body` to its end even when the caller is cancelled. For settlement, and nothing else.
///
/// Swift 6.3 has no `withTaskCancellationShield` (SE-0504). A new task inherits neither cancellation
/// nor the executor preference, so the executor is handed on; awaited at once, it is structured in
/// effect.
func shielded<Value: Sendable>(
    on executor: (any TaskExecutor)?,
    _ body: @escaping @Sendable () async throws(CancellationError) -> Value
) async throws(CancellationError) -> Value {
    let outcome = await Task(executorPreference: executor) {
        () async -> Result<Value, CancellationError> in
        do throws(CancellationError) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }.value
    return try outcome.get()
}
