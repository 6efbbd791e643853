// Gateways: the pipeline's ports made real, over Redis and the model's API.
// Belongs here: what turns a typed value of ours into bytes of theirs and back; Lua, prompts, prices.
// Does not: the order of the stages, decisions about money or time, or where configuration is from.
