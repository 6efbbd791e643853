// The C side of CSimdjson.h. Compiles with simdjson 3.0 and later.
#define SIMDJSON_EXCEPTIONS 0
#include "CSimdjson.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>

namespace dom = simdjson::dom;

namespace {

// simdjson counts the document itself as a level.
constexpr size_t document_levels = 1;
// Below this, growing costs more than it saves. A request is about 1.4 KB.
constexpr size_t capacity_min = 4096;

constexpr uint64_t payload_bits = 56;
constexpr uint64_t payload_mask = (uint64_t(1) << payload_bits) - 1;
constexpr uint64_t length_shift = 32;
constexpr uint64_t length_mask = (uint64_t(1) << 24) - 1;

struct free_bytes {
    void operator()(uint8_t *bytes) const noexcept { std::free(bytes); }
};

csimdjson_status status(simdjson::error_code code) noexcept {
    switch (code) {
    case simdjson::SUCCESS: return CSIMDJSON_OK;
    case simdjson::EMPTY: return CSIMDJSON_EMPTY;
    case simdjson::TAPE_ERROR:
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR: return CSIMDJSON_STRUCTURE;
    case simdjson::STRING_ERROR:
    case simdjson::UNCLOSED_STRING:
    case simdjson::UNESCAPED_CHARS: return CSIMDJSON_STRING;
    case simdjson::NUMBER_ERROR: return CSIMDJSON_NUMBER;
    case simdjson::UTF8_ERROR: return CSIMDJSON_UTF8;
    case simdjson::DEPTH_ERROR: return CSIMDJSON_DEPTH;
    case simdjson::MEMALLOC:
    case simdjson::CAPACITY: return CSIMDJSON_MEMORY;
    // Later releases give integers of more than 64 bits a code that has no name in 3.0.
    default: return CSIMDJSON_OTHER;
    }
}

} // namespace

struct csimdjson_parser {
    explicit csimdjson_parser(size_t depth_max) noexcept : levels(depth_max + document_levels) {}

    simdjson::error_code grow(size_t count) {
        if (input && count <= capacity) { return simdjson::SUCCESS; }
        size_t wanted = capacity_min;
        while (wanted < count) { wanted *= 2; }
        shrink();
        parser.reset(new (std::nothrow) dom::parser(wanted));
        document.reset(new (std::nothrow) dom::document());
        input.reset(static_cast<uint8_t *>(std::malloc(wanted + simdjson::SIMDJSON_PADDING)));
        simdjson::error_code error = parser && document && input ? simdjson::SUCCESS : simdjson::MEMALLOC;
        if (error == simdjson::SUCCESS) { error = document->allocate(wanted); }
        if (error == simdjson::SUCCESS) { error = parser->allocate(wanted, levels); }
        if (error != simdjson::SUCCESS) {
            shrink();
            return error;
        }
        capacity = wanted;
        return simdjson::SUCCESS;
    }

    void shrink() noexcept {
        input.reset();
        document.reset();
        parser.reset();
        capacity = 0;
        extent = {0, 0};
    }

    // Rewrites the strings of the tape to hold their length, and measures what is to be copied.
    bool rewrite() {
        uint64_t *tape = document->tape.get();
        const uint8_t *strings = document->string_buf.get();
        const size_t words = size_t(tape[0] & payload_mask);
        size_t text = 0;
        for (size_t at = 1; at + 1 < words; at++) {
            switch (tape[at] >> payload_bits) {
            case '"': {
                const uint64_t start = tape[at] & payload_mask;
                uint32_t length;
                std::memcpy(&length, strings + start, sizeof length);
                const uint64_t offset = start + sizeof length;
                tape[at] = (uint64_t('"') << payload_bits) | ((uint64_t(length) & length_mask) << length_shift)
                    | (offset & UINT32_MAX);
                text = size_t(offset) + length;
                break;
            }
            case 'l':
            case 'u':
            case 'd': at++; break;
            case '{':
            case '}':
            case '[':
            case ']':
            case 't':
            case 'f':
            case 'n': break;
            default: return false;
            }
        }
        extent = {words, text};
        return true;
    }

    csimdjson_status parse(const uint8_t *bytes, size_t count) {
        extent = {0, 0};
        simdjson::error_code error = grow(count);
        if (error != simdjson::SUCCESS) { return status(error); }
        if (count > 0) { std::memcpy(input.get(), bytes, count); }
        std::memset(input.get() + count, 0, simdjson::SIMDJSON_PADDING);
        error = parser->parse_into_document(*document, input.get(), count, false).error();
        if (error != simdjson::SUCCESS) { return status(error); }
        return rewrite() ? CSIMDJSON_OK : CSIMDJSON_OTHER;
    }

    std::unique_ptr<dom::parser> parser;
    std::unique_ptr<dom::document> document;
    std::unique_ptr<uint8_t[], free_bytes> input;
    size_t capacity = 0;
    size_t levels;
    csimdjson_extent extent = {0, 0};
};

csimdjson_parser *csimdjson_create(size_t depth_max) {
    return new (std::nothrow) csimdjson_parser(depth_max);
}

void csimdjson_destroy(csimdjson_parser *parser) { delete parser; }

csimdjson_status csimdjson_parse(csimdjson_parser *parser, const uint8_t *bytes, size_t count,
                                 csimdjson_extent *extent) {
    csimdjson_status outcome;
    try {
        outcome = parser->parse(bytes, count);
    } catch (...) {
        // simdjson allocates without exceptions; whatever else is thrown must not reach Swift.
        parser->extent = {0, 0};
        outcome = CSIMDJSON_MEMORY;
    }
    *extent = parser->extent;
    return outcome;
}

void csimdjson_copy(const csimdjson_parser *parser, uint64_t *words, uint8_t *text) {
    const csimdjson_extent extent = parser->extent;
    if (extent.words > 0) { std::memcpy(words, parser->document->tape.get(), extent.words * sizeof *words); }
    if (extent.text > 0) { std::memcpy(text, parser->document->string_buf.get(), extent.text); }
}

void csimdjson_trim(csimdjson_parser *parser, size_t keep) {
    if (parser->capacity > keep) { parser->shrink(); }
}
