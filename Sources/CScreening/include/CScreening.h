// CScreening: what the screening has learned, as bytes in the binary.
// Belongs here: the files that deploy/screening/train writes, embedded. Does not: any reading of
// them; that is Policy's, in Swift.
#ifndef CSCREENING_H
#define CSCREENING_H

#include <stddef.h>
#include <stdint.h>

/// One embedded file. Its bytes live as long as the process.
typedef struct cscreening_file {
    const uint8_t *_Nonnull bytes;
    size_t count;
} cscreening_file;

/// Four little-endian floats (scale, bias, line, slope), then a signed byte for each feature.
cscreening_file cscreening_weights(void);
/// Eight bytes for each code point that is a Latin letter, digit or sign in disguise: its number,
/// little endian, and what it looks like, filled up with zeros; by number.
cscreening_file cscreening_folding(void);
/// What words are about, in many languages.
cscreening_file cscreening_lexicon(void);
/// Words and phrases of what is not answered, whoever asks.
cscreening_file cscreening_policy(void);

#endif
