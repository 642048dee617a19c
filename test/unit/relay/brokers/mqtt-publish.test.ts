/** PUBLISH packets byte for byte, as MQTT 5 says (sections 2.1 and 3.3). */
import { describe, expect, it } from "vitest";
import { publishPacket } from "../../../../src/relay/brokers/mqtt-publish.ts";

const plain = { topic: "a/b", body: "hi", id: 258, isRetained: false, contentType: "t", userProperties: [] };

describe("a PUBLISH packet", () => {
  it("has topic, number, properties and body, each behind its length", () => {
    const packet = publishPacket({ ...plain, userProperties: [["k", "v"]] });
    expect(packet.toString("hex")).toBe(
      [
        "32", // PUBLISH, qos 1
        "15", // 21 bytes follow
        "0003612f62", // topic
        "0102", // number
        "0b", // 11 bytes of properties
        "03000174", // content type
        "2600016b000176", // user property
        "6869", // body
      ].join(""),
    );
  });

  it("says that the broker is to keep it", () => {
    expect(publishPacket({ ...plain, isRetained: true })[0]).toBe(0x33);
  });

  it.each([
    [100, [0x70]],
    [127 - 12, [0x7f]],
    [128 - 12, [0x80, 0x01]],
    [16_383 - 12, [0xff, 0x7f]],
    [16_384 - 12, [0x80, 0x80, 0x01]],
    [2_097_152 - 12, [0x80, 0x80, 0x80, 0x01]],
  ])("of %i bytes writes its length in as many bytes as that takes", (bytes, length) => {
    const packet = publishPacket({ ...plain, body: Buffer.alloc(bytes, "x") });
    expect([...packet.subarray(1, 1 + length.length)]).toEqual(length);
    expect(packet).toHaveLength(1 + length.length + 12 + bytes);
  });

  it("counts bytes where characters have several", () => {
    const packet = publishPacket({ ...plain, topic: "é", body: "€", contentType: "ü", userProperties: [["ñ", "😀"]] });
    expect(packet[1]).toBe(packet.length - 2);
    expect(packet.subarray(2, 6).toString("hex")).toBe("0002c3a9");
    expect(packet.subarray(-3).toString()).toBe("€");
  });
});
