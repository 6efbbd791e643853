import Desk
import JSON

/// Prints one JSON document, and nothing else.
func printJSON(_ write: (inout JSONWriter) -> Void) {
    print(String(decoding: JSONWriter.bytes(reserving: 4_096, write), as: UTF8.self))
}
