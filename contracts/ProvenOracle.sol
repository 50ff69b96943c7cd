// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {Quote} from "./interfaces/ISettlement.sol";
import {Bn254} from "./libraries/Bn254.sol";
import {Digests} from "./libraries/Digests.sol";

/// @title The oracle of one model whose prices are proven
/// @notice Signs (ERC-1271) what its operator's key signed. A quote it signs only with a proof that the price follows
/// from the model's committed integers and from committed statistics of the data.
/// @dev That the statistics are those of the data, is checked by whoever has the data, and not here: see docs/proofs.md.
contract ProvenOracle is IERC1271 {
    using Bn254 for Bn254.Point;

    /// @notice Points of the circuit's verification key that every proof is checked with, G2 as EIP-197 has it.
    /// @param alpha as the three that follow, of Groth16
    /// @param stated of the constant 1, the binding, the least and the greatest doubled price, their check
    /// @param digest SHA-256 of the whole key
    /// @param priceBits the doubled price is at most 2^priceBits in magnitude
    struct Key {
        uint256[2] alpha;
        uint256[4] beta;
        uint256[4] gamma;
        uint256[4] delta;
        uint256[2][5] stated;
        bytes32 digest;
        uint256 priceBits;
    }

    /// @notice From a doubled price to money.
    /// @param numerator the gain in millionths is `doubled price * numerator / 2^shift`, rounded down
    /// @param rate base units for each unit of gain
    /// @param cap highest price by the rule
    /// @param grid prices by the rule are multiples of it
    /// @param floor lower prices are 0
    /// @param maxPrice highest price of the model's terms
    /// @param leastCut millionths that are taken from the gain of any set, whatever its size
    /// @param mostCut the most that are taken, by a set's size
    struct Rule {
        uint256 numerator;
        uint256 shift;
        uint256 rate;
        uint256 cap;
        uint256 grid;
        uint256 floor;
        uint256 maxPrice;
        uint256 leastCut;
        uint256 mostCut;
    }

    /// @notice What a quote is signed with, as `abi.encode` writes it.
    /// @param records number of distinct records
    /// @param statistics commitment to the statistics of the records
    /// @param least the doubled price is at least this
    /// @param most and at most this
    /// @param proof A, B and C of Groth16
    struct Evidence {
        Quote quote;
        uint256 records;
        uint256[2] statistics;
        int256 least;
        int256 most;
        uint256[8] proof;
        bytes32 r;
        bytes32 s;
        uint8 v;
    }

    bytes32 private constant TAG = keccak256("assay/proof/1");
    uint256 private constant EVIDENCE_BYTES = 736;
    uint256 private constant ECDSA_BYTES = 65;
    uint256 private constant MICRO = 10 ** 6;
    /// @dev Gains in millionths count up to this: their price does not overflow at a rate below 2^96.
    int256 private constant MOST_GAIN = 2 ** 128;

    /// @dev Places of the words of `abi.encode(key, model, rule)`, which is flat.
    uint256 private constant ALPHA = 0;
    uint256 private constant BETA = 2;
    uint256 private constant GAMMA = 6;
    uint256 private constant DELTA = 10;
    uint256 private constant STATED = 14;
    uint256 private constant DIGEST = 24;
    uint256 private constant PRICE_BITS = 25;
    uint256 private constant MODEL = 26;
    uint256 private constant RULE = 28;
    uint256 private constant WORDS = 37;

    /// @notice Whose key signs.
    address public immutable operator;
    /// @notice The settlement contract that the quotes are for.
    address public immutable settlement;
    /// @notice The model that the quotes are for.
    bytes32 public immutable modelId;
    /// @dev Has key, model and rule as its code: cheaper to read than storage.
    address private immutable constants;

    error ProofKeyInvalid();
    error RuleInvalid();

    /// @param operator_ the account whose key signs
    /// @param settlement_ the settlement contract
    /// @param modelId_ the model's id, which its registration with this oracle will give it
    /// @param key of the circuit
    /// @param model commitment to the model's integers
    /// @param rule from a doubled price to money
    constructor(
        address operator_,
        address settlement_,
        bytes32 modelId_,
        Key memory key,
        uint256[2] memory model,
        Rule memory rule
    ) {
        if (rule.grid == 0 || rule.shift > 255 || rule.rate >> 96 != 0 || rule.numerator >> 48 != 0) revert RuleInvalid();
        if (rule.leastCut > rule.mostCut || rule.mostCut >> 128 != 0) revert RuleInvalid();
        // Both are multiplied by the binding.
        Bn254.Point memory bound = Bn254.Point(key.stated[1][0], key.stated[1][1]);
        if (key.priceBits > 206 || !bound.add(Bn254.Point(model[0], model[1]))) revert ProofKeyInvalid();
        key.stated[1] = [bound.x, bound.y];
        (operator, settlement, modelId) = (operator_, settlement_, modelId_);
        constants = address(new Constants(abi.encode(bytes32(0), key, model, rule)));
    }

    /// @notice ERC-1271. A quote takes the `Evidence` of it; its digest is that of `evidence.quote`. Any other statement
    /// of the contract's domain takes the operator's signature of 65 bytes, then the statement as EIP-712 encodes it,
    /// which shows that it is no quote.
    function isValidSignature(bytes32 digest, bytes calldata data) external view returns (bytes4) {
        bool valid = data.length == EVIDENCE_BYTES ? _isProven(digest, data) : _isStated(digest, data);
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @notice What a proof is checked with: the key, to whose point of the binding the commitment to the model's
    /// integers is added, that commitment, and the rule.
    function terms() external view returns (Key memory, uint256[2] memory, Rule memory) {
        (, Key memory key, uint256[2] memory model, Rule memory rule) =
            abi.decode(constants.code, (bytes32, Key, uint256[2], Rule));
        return (key, model, rule);
    }

    function _isStated(bytes32 digest, bytes calldata data) private view returns (bool) {
        if (data.length < ECDSA_BYTES + 32 || bytes32(data[ECDSA_BYTES:]) == Digests.QUOTE_TYPEHASH) return false;
        if (_digestOf(keccak256(data[ECDSA_BYTES:])) != digest) return false;
        return _isSigned(digest, bytes32(data), bytes32(data[32:]), uint8(data[64]));
    }

    function _isProven(bytes32 digest, bytes calldata data) private view returns (bool) {
        Evidence calldata evidence;
        assembly ("memory-safe") {
            evidence := data.offset
        }
        if (evidence.quote.modelId != modelId || _digestOf(Digests.hashQuote(evidence.quote)) != digest) return false;
        if (!_isSigned(digest, evidence.r, evidence.s, evidence.v)) return false;
        uint256[WORDS] memory words = _words();
        return _isPriced(evidence, words[PRICE_BITS], _rule(words)) && _isVerified(evidence, words);
    }

    /// @dev Whether the price is that of each doubled price within the bounds, to two millionths of the gain and to the
    /// range of cuts: the oracle computes in floating point, and a cut follows the logarithm of a set's size.
    function _isPriced(Evidence calldata evidence, uint256 priceBits, Rule memory rule) private pure returns (bool) {
        (int256 least, int256 most) = (evidence.least, evidence.most);
        int256 bound = int256(1 << priceBits);
        if (least < -bound || most > bound || least > most) return false;
        uint256 price = evidence.quote.price;
        int256 low = _gain(most, rule) - int256(rule.mostCut) - 1;
        int256 high = _gain(least, rule) - int256(rule.leastCut) + 1;
        return _price(low, rule) <= price && price <= _price(high, rule);
    }

    function _gain(int256 doubled, Rule memory rule) private pure returns (int256) {
        return (doubled * int256(rule.numerator)) >> rule.shift;
    }

    function _price(int256 gain, Rule memory rule) private pure returns (uint256 price) {
        if (gain <= 0) return 0;
        price = uint256(gain > MOST_GAIN ? MOST_GAIN : gain) * rule.rate / MICRO;
        if (price > rule.cap) price = rule.cap;
        price -= price % rule.grid;
        if (price < rule.floor) return 0;
        if (price > rule.maxPrice) price = rule.maxPrice;
    }

    function _isVerified(Evidence calldata evidence, uint256[WORDS] memory words) private view returns (bool) {
        uint256[8] calldata proof = evidence.proof;
        if (proof[1] >= Bn254.FIELD) return false;
        uint256 binding = uint256(_binding(evidence, bytes32(words[DIGEST]), _point(words, MODEL))) % Bn254.ORDER;
        (uint256 least, uint256 most) = (_modulo(evidence.least), _modulo(evidence.most));
        Bn254.Point memory stated = _point(words, STATED);
        bool valid = stated.add(Bn254.Point(evidence.statistics[0], evidence.statistics[1]));
        valid = valid && stated.addMultiple(_point(words, STATED + 2), binding);
        valid = valid && stated.addMultiple(_point(words, STATED + 4), least);
        valid = valid && stated.addMultiple(_point(words, STATED + 6), most);
        valid = valid && stated.addMultiple(_point(words, STATED + 8), _check(binding, least, most));
        if (!valid) return false;
        uint256[24] memory pairs = [
            proof[0],
            (Bn254.FIELD - proof[1]) % Bn254.FIELD,
            proof[2],
            proof[3],
            proof[4],
            proof[5],
            words[ALPHA],
            words[ALPHA + 1],
            words[BETA],
            words[BETA + 1],
            words[BETA + 2],
            words[BETA + 3],
            stated.x,
            stated.y,
            words[GAMMA],
            words[GAMMA + 1],
            words[GAMMA + 2],
            words[GAMMA + 3],
            proof[6],
            proof[7],
            words[DELTA],
            words[DELTA + 1],
            words[DELTA + 2],
            words[DELTA + 3]
        ];
        return Bn254.isOne(pairs);
    }

    /// @dev `binding^5 + binding^2 most + binding least`: the commitment to the statistics, which the binding is drawn
    /// after, can then move neither the binding nor the bounds.
    function _check(uint256 binding, uint256 least, uint256 most) private pure returns (uint256) {
        uint256 square = mulmod(binding, binding, Bn254.ORDER);
        uint256 inner = addmod(mulmod(square, square, Bn254.ORDER), mulmod(binding, most, Bn254.ORDER), Bn254.ORDER);
        return mulmod(binding, addmod(inner, least, Bn254.ORDER), Bn254.ORDER);
    }

    /// @dev What the proof is bound to, see `assay.protocol.proof.statement`.
    function _binding(Evidence calldata evidence, bytes32 digest, Bn254.Point memory model)
        private
        view
        returns (bytes32)
    {
        Quote calldata quote = evidence.quote;
        return keccak256(
            bytes.concat(
                abi.encode(TAG, block.chainid, settlement, digest, model, quote.modelId, quote.contentId),
                abi.encode(quote.seller, quote.dataRoot, quote.price, evidence.records),
                abi.encode(evidence.statistics, evidence.least, evidence.most)
            )
        );
    }

    function _isSigned(bytes32 digest, bytes32 r, bytes32 s, uint8 v) private view returns (bool) {
        // The other two values describe the fault.
        // slither-disable-next-line unused-return
        (address recovered,,) = ECDSA.tryRecover(digest, v, r, s);
        return recovered == operator && recovered != address(0);
    }

    function _digestOf(bytes32 structHash) private view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(Digests.hashDomain(block.chainid, settlement), structHash);
    }

    function _modulo(int256 number) private pure returns (uint256) {
        return number < 0 ? Bn254.ORDER - uint256(-number) : uint256(number);
    }

    function _words() private view returns (uint256[WORDS] memory words) {
        address from = constants;
        assembly ("memory-safe") {
            extcodecopy(from, words, 0x20, mul(0x20, WORDS))
        }
    }

    /// @dev Without a copy, as the next.
    function _point(uint256[WORDS] memory words, uint256 place) private pure returns (Bn254.Point memory point) {
        assembly ("memory-safe") {
            point := add(words, mul(0x20, place))
        }
    }

    function _rule(uint256[WORDS] memory words) private pure returns (Rule memory rule) {
        assembly ("memory-safe") {
            rule := add(words, mul(0x20, RULE))
        }
    }
}

/// @notice Has the bytes that it is made with as its code. The first one is zero: a call of it stops there.
contract Constants {
    constructor(bytes memory content) {
        assembly ("memory-safe") {
            return(add(content, 0x20), mload(content))
        }
    }
}
