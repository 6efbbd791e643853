// CSimdjson: simdjson's DOM parser, a C++ library, made callable from Swift.
// Belongs here: one parse and one copy, as plain C that no exception leaves.
// Does not: limits, duplicate keys, JSON Pointers or wording; those are JSON's, in Swift.
#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// How a parse ended. simdjson has some thirty codes, which differ between its releases; these are
/// the ones a caller can act on.
typedef enum csimdjson_status {
    CSIMDJSON_OK = 0,
    /// The structure is wrong: brackets, commas, literals, trailing text.
    CSIMDJSON_STRUCTURE,
    /// No value at all: no bytes, or white space alone.
    CSIMDJSON_EMPTY,
    /// A string is not closed, holds a bare control character, a bad escape or half a surrogate pair.
    CSIMDJSON_STRING,
    /// A number is malformed, or fits neither a 64-bit integer nor a finite double.
    CSIMDJSON_NUMBER,
    /// The bytes are not UTF-8.
    CSIMDJSON_UTF8,
    /// More levels of arrays and objects than the parser was made for.
    CSIMDJSON_DEPTH,
    /// No memory could be had.
    CSIMDJSON_MEMORY,
    /// Anything else. From release 3.10 on: an integer of more than 64 bits.
    CSIMDJSON_OTHER,
} csimdjson_status;

/// What a successful parse holds, to be copied out with `csimdjson_copy`.
typedef struct csimdjson_extent {
    /// 64-bit words in the tape.
    size_t words;
    /// Bytes of unescaped text that the tape's strings point into.
    size_t text;
} csimdjson_extent;

/// A parser and its working memory, reused from document to document; one thread at a time.
typedef struct csimdjson_parser csimdjson_parser;

/// Makes a parser that accepts `depth_max` levels of arrays and objects. NULL when memory is out.
/// The caller owns it and ends it with `csimdjson_destroy`.
csimdjson_parser *_Nullable csimdjson_create(size_t depth_max);

/// Frees a parser and everything it holds.
void csimdjson_destroy(csimdjson_parser *_Nullable parser);

/// Parses `count` bytes; they are copied first, because simdjson reads past their end.
///
/// On success `extent` tells what `csimdjson_copy` will copy; both hold until the next parse.
/// The bytes are UTF-8 without a byte order mark: whether simdjson skips one depends on its release.
/// The corresponding C++ function is `simdjson::dom::parser::parse_into_document`.
csimdjson_status csimdjson_parse(csimdjson_parser *_Nonnull parser, const uint8_t *_Nullable bytes, size_t count,
                                 csimdjson_extent *_Nonnull extent);

/// Copies out the last parsed document: exactly `extent.words` words and `extent.text` bytes.
///
/// The tape is simdjson's (its doc/tape.md), but for strings, which say here where they lie:
///
///     bits 63…56   55…32              31…0
///     '{' '['      members, elements  index of the word after the closing one
///     '}' ']'      0                  index of the opening word
///     '"'          length in bytes    offset into the text
///     'l' 'u' 'd'  the next word is the int64_t, uint64_t or double
///     't' 'f' 'n' 'r'                 true, false, null, and the root at both ends
///
/// Word 1 is the document's value. An object's members are a string (the key) and a value each.
/// Lengths and counts are exact for documents shorter than 2^24 bytes.
void csimdjson_copy(const csimdjson_parser *_Nonnull parser, uint64_t *_Nonnull words, uint8_t *_Nullable text);

/// Frees working memory when it was grown for documents of more than `keep` bytes. It is about
/// fifteen times the longest document seen, and one long document should not hold it for ever.
void csimdjson_trim(csimdjson_parser *_Nonnull parser, size_t keep);

#ifdef __cplusplus
}
#endif

#endif
