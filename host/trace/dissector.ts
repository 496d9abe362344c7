// Generates the Lua dissector with which Wireshark and tshark show a recording, from the packet table that `smets1 trace`
// uses, so that both show the same. It has no keys: sealed content is not opened.

import { frameBytesMax, tagBytes } from '../../protocol/limits.ts'
import { lineVersion } from '../../protocol/link.ts'
import { type FieldForm, noPacket, packetTable } from './packet-table.ts'

const luaFields: { [form in FieldForm]: (name: string, about: string) => string } = {
  eui: (name, about) => `ProtoField.string("smets1.${name}", "${name}", base.ASCII, "${about}")`,
  u8: (name, about) => `ProtoField.uint8("smets1.${name}", "${name}", base.DEC, nil, nil, "${about}")`,
  u16: (name, about) => `ProtoField.uint16("smets1.${name}", "${name}", base.DEC, nil, nil, "${about}")`,
  u32: (name, about) => `ProtoField.uint32("smets1.${name}", "${name}", base.DEC, nil, nil, "${about}")`,
  hex: (name, about) => `ProtoField.bytes("smets1.${name}", "${name}", base.NONE, "${about}")`,
}

function fieldDeclarations(): string {
  const seen = new Map(packetTable.flatMap(({ fields }) => fields.map((field) => [field.name, field] as const)))
  return [...seen.values()].map(({ name, form, about }) => `  ${name} = ${luaFields[form](name, about)},`).join('\n')
}

function packetRows(): string {
  return packetTable
    .map(({ code, name, about, everyVersion, fields }) => {
      const list = fields.map(({ name, form, bytes }) => `{ "${name}", "${form}", ${bytes === 'rest' ? 0 : bytes} }`)
      return `  [${code}] = { name = "${name}", about = "${about}", every = ${everyVersion === true}, fields = { ${list.join(', ')} } },`
    })
    .join('\n')
}

/** Protocol fields and the packet table. */
function declarationsLua(): string {
  return `-- The SMETS1 line, version ${lineVersion}, for Wireshark and tshark 3.6 and later. Made by "smets1 trace --dissector".
-- It takes recordings of smets1 (pcapng, link type USER0). Filters: smets1.eui, smets1.kind, smets1.counter, smets1.fault.

local smets1 = Proto("smets1", "SMETS1 line")

local f = {
  bytes = ProtoField.uint32("smets1.bytes", "bytes on the line"),
  fault = ProtoField.string("smets1.fault", "dropped"),
  kind = ProtoField.string("smets1.kind", "packet"),
  version = ProtoField.uint8("smets1.version", "version"),
  mac = ProtoField.bytes("smets1.sealed.tag", "Poly1305 tag"),
  text = ProtoField.bytes("smets1.sealed.text", "ciphertext"),
${fieldDeclarations()}
}
local declared = {}
for _, field in pairs(f) do declared[#declared + 1] = field end
smets1.fields = declared
local dropped = ProtoExpert.new("smets1.dropped", "a receiver drops this frame", expert.group.MALFORMED, expert.severity.ERROR)
smets1.experts = { dropped }

-- field: name, form, bytes (0: the rest)
local packets = {
${packetRows()}
}

`
}

/** Removes the frame: COBS and CRC. */
function unframingLua(): string {
  return `-- CRC-16/CCITT-FALSE of bytes[1] to bytes[count]
local function crc16(bytes, count)
  local crc = 0xffff
  for i = 1, count do
    crc = bit.bxor(crc, bytes[i] * 256)
    for _ = 1, 8 do
      crc = crc * 2
      if crc >= 0x10000 then crc = bit.bxor(crc - 0x10000, 0x1021) end
    end
  end
  return crc
end

-- The packet in raw[from] to raw[to - 1], a frame without its closing zero; or nil, and why it is dropped
local function unframe(raw, from, to)
  if to - from >= ${frameBytesMax} then return nil, "too long" end
  local plain = {}
  local at = from
  while at < to do
    local code = raw:get_index(at)
    if at + code > to then return nil, "bad COBS" end
    for i = at + 1, at + code - 1 do plain[#plain + 1] = raw:get_index(i) end
    at = at + code
    if code < 255 and at < to then plain[#plain + 1] = 0 end
  end
  local count = #plain
  if count < 3 then return nil, "too short" end
  if crc16(plain, count - 2) ~= plain[count - 1] + plain[count] * 256 then return nil, "bad CRC" end
  local hex = {}
  for i = 1, count - 2 do hex[i] = string.format("%02x", plain[i]) end
  return table.concat(hex)
end

`
}

/** Assigns packets to meters and sessions. */
function followingLua(): string {
  return `local function euiText(hex)
  return (hex:upper():gsub("%x%x", "%0-"):sub(1, -2))
end

-- Sessions. By line: wakes and the newest session; by packet and frame: to which meter and session it belongs.
local interface = Field.new("frame.interface_id")
local lines, owners

function smets1.init()
  lines = {}
  owners = {}
end

local function lineOf()
  local id = interface()
  local key = id and id.value or 0
  lines[key] = lines[key] or { wakes = {}, early = {} }
  return lines[key]
end

-- hex: the packet, as hexadecimal; key: its place in the capture
local function follow(hex, key)
  local line = lineOf()
  local kind = hex:sub(2, 2)
  local version = tonumber(hex:sub(1, 1), 16)
  if kind == "1" and #hex == 34 then
    local eui = euiText(hex:sub(3, 18))
    line.wakes[#line.wakes + 1] = { eui = eui, nonce = hex:sub(19, 34) }
    if #line.wakes > 16 then table.remove(line.wakes, 1) end
    owners[key] = { eui = eui }
  elseif kind == "2" and #hex == 18 then
    for i = #line.wakes, 1, -1 do
      if line.wakes[i].nonce:sub(1, 4) == hex:sub(3, 6) then
        local number = function(at, bytes)
          local value = 0
          for j = bytes - 1, 0, -1 do value = value * 256 + tonumber(hex:sub(at + 2 * j, at + 2 * j + 1), 16) end
          return value
        end
        line.newest = { eui = line.wakes[i].eui, boot = number(7, 4), session = number(15, 2) }
        owners[key] = line.newest
        for _, early in ipairs(line.early) do owners[early] = line.newest end
        line.early = {}
        break
      end
    end
  elseif version == ${lineVersion} and (kind == "4" or kind == "5") and #hex > 8 and hex:sub(3, 6) == "0000" then
    line.early[#line.early + 1] = key
  elseif version == ${lineVersion} and (kind == "3" and #hex > 6 or (kind == "4" or kind == "5") and #hex > 8) then
    owners[key] = line.newest
  end
end

`
}

/** Adds a packet to the tree. */
function packetTreeLua(): string {
  return `-- The fields of a packet by its row; nil when they do not fit it
local function placed(row, size)
  local places = {}
  local at = 1
  for _, field in ipairs(row.fields) do
    local bytes = field[3] == 0 and size - at or field[3]
    if bytes < 1 or at + bytes > size then return nil end
    places[#places + 1] = { f[field[1]], field[1], field[2], at, bytes }
    at = at + bytes
  end
  return at == size and places or nil
end

local function addField(tree, tvb, place)
  local field, name, form, at, bytes = table.unpack(place)
  local range = tvb(at, bytes)
  if form == "eui" then tree:add(field, range, euiText(range:bytes():tohex()))
  elseif form == "hex" then
    local item = tree:add(field, range)
    if name == "sealed" and bytes > ${tagBytes} then
      item:add(f.mac, tvb(at, ${tagBytes}))
      item:add(f.text, tvb(at + ${tagBytes}, bytes - ${tagBytes}))
    end
  else tree:add_le(field, range) end
  if form == "u8" or form == "u16" or form == "u32" then return name .. " " .. range:le_uint() end
  if form == "eui" then return euiText(range:bytes():tohex()) end
  return bytes .. " bytes " .. name
end

local function addPacket(tree, hex, key)
  local tvb = ByteArray.new(hex):tvb("packet")
  local first = tvb(0, 1):uint()
  local version = math.floor(first / 16)
  local row = packets[first % 16]
  local places = row and (version == ${lineVersion} or row.every) and placed(row, tvb:len())
  if not places then
    tree:add(f.kind, tvb(0, 1), "${noPacket}")
    return "${noPacket}"
  end
  tree:add(f.kind, tvb(0, 1), row.name):append_text(" (" .. row.about .. ")")
  tree:add(f.version, tvb(0, 1), version)
  local said = {}
  local shown = {}
  for _, place in ipairs(places) do
    said[#said + 1] = addField(tree, tvb, place)
    shown[place[2]] = true
  end
  -- What the packet does not say itself, but the session it belongs to.
  local owner = owners[key] or {}
  for _, name in ipairs({ "eui", "boot", "session" }) do
    if owner[name] and not shown[name] then tree:add(f[name], owner[name]):set_generated() end
  end
  return row.name .. ": " .. table.concat(said, ", ")
end

`
}

/** The entry point. */
function mainLua(): string {
  return `function smets1.dissector(tvb, pinfo, tree)
  pinfo.cols.protocol = "SMETS1"
  -- 0: sent, 1: received, as the host recorded it.
  if pinfo.p2p_dir == 0 or pinfo.p2p_dir == 1 then
    pinfo.cols.src = pinfo.p2p_dir == 0 and "bridge" or "meter"
    pinfo.cols.dst = pinfo.p2p_dir == 0 and "meter" or "bridge"
  end
  local raw = tvb:bytes()
  local size = tvb:len()
  local from = 0
  local said = {}
  local count = 0
  local function add(to, hex, fault)
    count = count + 1
    local key = pinfo.number .. "." .. count
    if hex and not pinfo.visited then follow(hex, key) end
    local branch = tree:add(smets1, tvb(from, to - from))
    branch:add(f.bytes, tvb(from, to - from), to - from)
    if fault then
      branch:add(f.fault, tvb(from, to - from), fault)
      branch:add_proto_expert_info(dropped)
      said[#said + 1] = "dropped, " .. fault
    else said[#said + 1] = addPacket(branch, hex, key) end
    from = to
  end
  local begins = 0
  for at = 0, size - 1 do
    if raw:get_index(at) == 0 then
      if at > begins then
        local hex, fault = unframe(raw, begins, at)
        -- Zeros behind the last frame count to it.
        local rest = at + 1
        while rest < size and raw:get_index(rest) == 0 do rest = rest + 1 end
        add(rest == size and size or at + 1, hex, fault)
      end
      begins = at + 1
    end
  end
  if begins < size then add(size, nil, "no closing zero") end
  pinfo.cols.info = table.concat(said, "; ")
  return size
end

DissectorTable.get("wtap_encap"):add((wtap_encaps or wtap).USER0, smets1)
`
}

/** The dissector's text. Save it, and start `wireshark -X lua_script:FILE` or put it among Wireshark's plugins. */
export function dissector(): string {
  return declarationsLua() + unframingLua() + followingLua() + packetTreeLua() + mainLua()
}
