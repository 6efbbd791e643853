#include "CScreening.h"

// Swift's Clang has #embed in every dialect of C, as an extension before C23.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t weights[] = {
#embed "weights.bin"
};
static const uint8_t folding[] = {
#embed "folding.bin"
};
static const uint8_t lexicon[] = {
#embed "lexicon.txt"
};
static const uint8_t policy[] = {
#embed "policy.txt"
};

cscreening_file cscreening_weights(void) { return (cscreening_file){weights, sizeof weights}; }
cscreening_file cscreening_folding(void) { return (cscreening_file){folding, sizeof folding}; }
cscreening_file cscreening_lexicon(void) { return (cscreening_file){lexicon, sizeof lexicon}; }
cscreening_file cscreening_policy(void) { return (cscreening_file){policy, sizeof policy}; }
