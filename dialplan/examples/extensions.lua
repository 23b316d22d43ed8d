-- Tollgate in Lua: extensions.lua, beside lua.conf of this folder, which extensions.conf includes.
--
-- Gosub out of Lua never comes back into Lua: the call would be asked about and then end. So Lua chooses the number and the
-- trunk, and hands the call over to [outbound-of-lua], which asks and dials.

local function dial_out(number, trunk)
    channel.OUT_TRUNK:set(trunk)
    app["goto"]("outbound-of-lua", number, 1)
end

extensions = {
    ["outbound-lua"] = {
        ["_9."] = function(context, extension)
            dial_out(extension:sub(2), "carrier-a")
        end,
    },
}
