// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Quote} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";

struct Key {
    uint256[2] alpha;
    uint256[4] beta;
    uint256[4] gamma;
    uint256[4] delta;
    uint256[2][5] stated;
    bytes32 digest;
    uint256 priceBits;
}

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

interface Proven {
    function operator() external view returns (address);
    function settlement() external view returns (address);
    function modelId() external view returns (bytes32);
    function isValidSignature(bytes32 digest, bytes calldata data) external view returns (bytes4);
    function terms() external view returns (Key memory, uint256[2] memory, Rule memory);
}

/// @notice The rules of the oracle that asks for proofs, over a key of which all secrets are known: beta, gamma and delta
/// are 1, and every point is a multiple of the generator by a number that is written here. Whoever knows these makes a
/// proof of anything: `A = alpha + stated + C` and `B = 1`. So each test says what the verifier must add up, in numbers.
contract ProvenTest {
    uint256 internal constant ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 internal constant OPERATOR_KEY = 0xA11CE;
    uint256 internal constant ALPHA = 3;
    uint256 internal constant MODEL = 1001;
    uint256 internal constant STATISTICS = 2002;
    uint256 internal constant C = 77;
    bytes4 internal constant VALID = 0x1626ba7e;
    bytes4 internal constant REFUSED = 0xffffffff;
    /// @dev For one check: a precompile takes all that it is given for numbers that are no point.
    uint256 internal constant GAS = 1_000_000;
    address internal constant SETTLEMENT = address(0x5e7713);
    bytes32 internal constant MODEL_ID = keccak256("model");

    Proven internal oracle;

    error Unexpected(bytes4 answer);
    error Deployed();
    error NotTheError(bytes answer);

    function setUp() public {
        oracle = deploy(key(), point(MODEL), rule());
    }

    // --- what is proven with ---

    function point(uint256 scalar) internal view returns (uint256[2] memory found) {
        uint256[3] memory input = [uint256(1), 2, scalar];
        assembly ("memory-safe") {
            if iszero(staticcall(gas(), 7, input, 0x60, found, 0x40)) { revert(0, 0) }
        }
    }

    /// @dev Of the constant, the binding, both bounds and the check.
    function stated(uint256 i) internal pure returns (uint256) {
        return 11 + 100 * i;
    }

    function key() internal view returns (Key memory made) {
        uint256[4] memory generator = [
            11559732032986387107991004021392285783925812861821192530917403151452391805634,
            10857046999023057135944570762232829481370756359578518086990519993285655852781,
            4082367875863433681332203403145435568316851327593401208105741076214120093531,
            8495653923123431417604973247489272438418190587263600148770280649306958101930
        ];
        made.alpha = point(ALPHA);
        (made.beta, made.gamma, made.delta) = (generator, generator, generator);
        for (uint256 i = 0; i < 5; i++) {
            made.stated[i] = point(stated(i));
        }
        made.digest = keccak256("key");
        made.priceBits = 100;
    }

    /// @dev A doubled price of 2^10 is a millionth, and a millionth is worth 1000.
    function rule() internal pure returns (Rule memory) {
        return Rule({
            numerator: 1,
            shift: 10,
            rate: 10 ** 9,
            cap: 9_000_000,
            grid: 1000,
            floor: 5000,
            maxPrice: 8_000_000,
            leastCut: 2,
            mostCut: 7
        });
    }

    function deploy(Key memory made, uint256[2] memory model, Rule memory rule_) internal returns (Proven) {
        (address created,) = attempt(made, model, rule_);
        assert(created != address(0));
        return Proven(created);
    }

    function attempt(Key memory made, uint256[2] memory model, Rule memory rule_)
        internal
        returns (address created, bytes memory answer)
    {
        bytes memory arguments = abi.encode(VM.addr(OPERATOR_KEY), SETTLEMENT, MODEL_ID, made, model, rule_);
        bytes memory code = abi.encodePacked(VM.getCode("ProvenOracle.sol:ProvenOracle"), arguments);
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
            answer := mload(0x40)
            mstore(answer, returndatasize())
            returndatacopy(add(answer, 0x20), 0, returndatasize())
            mstore(0x40, add(add(answer, 0x20), and(add(returndatasize(), 31), not(31))))
        }
    }

    function refuses(Key memory made, uint256[2] memory model, Rule memory rule_, string memory error_) internal {
        (address created, bytes memory answer) = attempt(made, model, rule_);
        if (created != address(0)) revert Deployed();
        if (keccak256(answer) != keccak256(abi.encodeWithSignature(error_))) revert NotTheError(answer);
    }

    // --- a quote and its evidence ---

    function typed(bytes32 hash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Assay"),
                keccak256("1"),
                block.chainid,
                SETTLEMENT
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, hash));
    }

    function digestOf(Quote memory quote) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            "Quote(bytes32 modelId,bytes32 contentId,address seller,bytes32 dataRoot,uint256 price,uint256 expiry,bytes32 evaluation)"
        );
        return typed(keccak256(abi.encode(typehash, quote)));
    }

    /// @dev Of a price, with bounds whose gains are given in millionths.
    function evidenceOf(uint256 price, int256 leastGain, int256 mostGain) internal view returns (Evidence memory made) {
        made.quote = Quote({
            modelId: MODEL_ID,
            contentId: keccak256("content"),
            seller: address(0x5e11e4),
            dataRoot: keccak256("root"),
            price: price,
            expiry: 2_000_000_000,
            evaluation: keccak256("appraisal")
        });
        made.records = 60;
        made.statistics = point(STATISTICS);
        (made.least, made.most) = (leastGain * 1024, mostGain * 1024);
        prove(made);
    }

    /// @dev The proof of what the evidence states, and the operator's signature.
    function prove(Evidence memory made) internal view {
        uint256[2] memory a = point(addmod(ALPHA + C, sum(made), ORDER));
        uint256[4] memory b = key().beta;
        uint256[2] memory c = point(C);
        made.proof = [a[0], a[1], b[0], b[1], b[2], b[3], c[0], c[1]];
        (made.v, made.r, made.s) = VM.sign(OPERATOR_KEY, digestOf(made.quote));
    }

    /// @dev `IC0 + b (IC1 + model) + least IC2 + most IC3 + check IC4 + statistics`, of the numbers of these points.
    function sum(Evidence memory made) internal view returns (uint256 found) {
        uint256 b = uint256(binding(made)) % ORDER;
        (uint256 least, uint256 most) = (modulo(made.least), modulo(made.most));
        found = addmod(stated(0) + STATISTICS, mulmod(b, stated(1) + MODEL, ORDER), ORDER);
        found = addmod(found, mulmod(least, stated(2), ORDER), ORDER);
        found = addmod(found, mulmod(most, stated(3), ORDER), ORDER);
        uint256 fourth = mulmod(mulmod(b, b, ORDER), mulmod(b, b, ORDER), ORDER);
        uint256 check = mulmod(b, addmod(fourth, addmod(mulmod(b, most, ORDER), least, ORDER), ORDER), ORDER);
        found = addmod(found, mulmod(check, stated(4), ORDER), ORDER);
    }

    function binding(Evidence memory made) internal view returns (bytes32) {
        bytes memory first = abi.encode(
            keccak256("assay/proof/1"),
            block.chainid,
            SETTLEMENT,
            key().digest,
            point(MODEL),
            MODEL_ID,
            made.quote.contentId,
            made.quote.seller
        );
        bytes memory second = abi.encode(made.quote.dataRoot, made.quote.price, made.records, made.statistics);
        return keccak256(abi.encodePacked(first, second, abi.encode(made.least, made.most)));
    }

    function modulo(int256 number) internal pure returns (uint256) {
        return number < 0 ? ORDER - uint256(-number) : uint256(number);
    }

    function expect(Evidence memory made, bytes4 expected) internal view {
        bytes4 found = oracle.isValidSignature{gas: GAS}(digestOf(made.quote), abi.encode(made));
        if (found != expected) revert Unexpected(found);
    }

    // --- quotes ---

    function testAProvenQuoteIsSigned() public view {
        expect(evidenceOf(100_000, 104, 106), VALID);
    }

    function testTheContractShowsWhatItWasMadeWith() public view {
        (Key memory key_, uint256[2] memory model, Rule memory rule_) = oracle.terms();
        Key memory expected = key();
        expected.stated[1] = point(stated(1) + MODEL);
        assert(keccak256(abi.encode(key_)) == keccak256(abi.encode(expected)));
        assert(keccak256(abi.encode(model, rule_)) == keccak256(abi.encode(point(MODEL), rule())));
        assert(oracle.operator() == VM.addr(OPERATOR_KEY));
        assert(oracle.settlement() == SETTLEMENT && oracle.modelId() == MODEL_ID);
    }

    /// @dev Each is signed by the operator, with a proof of what was stated before the change.
    function testAProofIsOfItsStatementAlone() public view {
        for (uint256 i = 0; i < 7; i++) {
            Evidence memory made = evidenceOf(100_000, 104, 106);
            if (i == 0) made.quote.contentId = bytes32(0);
            if (i == 1) made.quote.seller = address(1);
            if (i == 2) made.quote.dataRoot = bytes32(0);
            if (i == 3) made.records += 1;
            if (i == 4) made.statistics = point(STATISTICS + 1);
            if (i == 5) made.least += 1;
            if (i == 6) made.most -= 1;
            (made.v, made.r, made.s) = VM.sign(OPERATOR_KEY, digestOf(made.quote));
            expect(made, REFUSED);
        }
    }

    function testAQuoteNeedsItsModelItsDigestAndItsOperator() public view {
        Evidence memory made = evidenceOf(100_000, 104, 106);
        assert(oracle.isValidSignature(bytes32(uint256(1)), abi.encode(made)) == REFUSED);
        (made.v, made.r, made.s) = VM.sign(OPERATOR_KEY + 1, digestOf(made.quote));
        expect(made, REFUSED);
        made.v = 99;
        expect(made, REFUSED);
        made.quote.modelId = bytes32(0);
        prove(made);
        expect(made, REFUSED);
    }

    function testARenewedQuoteKeepsItsProof() public view {
        Evidence memory made = evidenceOf(100_000, 104, 106);
        made.quote.expiry += 1;
        (made.v, made.r, made.s) = VM.sign(OPERATOR_KEY, digestOf(made.quote));
        expect(made, VALID);
    }

    function testWordsThatAreNoPointsAreRefused() public view {
        for (uint256 i = 0; i < 5; i++) {
            Evidence memory made = evidenceOf(100_000, 104, 106);
            if (i == 0) made.statistics = [uint256(1), 1];
            if (i == 1) made.proof[0] = 1;
            if (i == 2) made.proof[1] = FIELD;
            if (i == 3) made.proof[2] = 1;
            if (i == 4) made.proof[7] = FIELD;
            expect(made, REFUSED);
        }
    }

    // --- prices: the gain less a cut of 2 to 7 millionths, to a millionth on both sides ---

    function testAPriceIsThatOfItsGainLessACut() public view {
        expect(evidenceOf(99_000, 106, 106), VALID);
        expect(evidenceOf(98_000, 106, 106), VALID);
        expect(evidenceOf(105_000, 106, 106), VALID);
        expect(evidenceOf(97_000, 106, 106), REFUSED);
        expect(evidenceOf(106_000, 106, 106), REFUSED);
    }

    function testBoundsThatEncloseOtherPricesAreRefused() public view {
        expect(evidenceOf(100_000, 104, 150), REFUSED);
        expect(evidenceOf(100_000, 10, 106), REFUSED);
        expect(evidenceOf(100_000, 106, 104), REFUSED);
    }

    function testBoundsBeyondTheKeysBitsAreRefused() public view {
        Evidence memory made = evidenceOf(8_000_000, 9000, 2 ** 90);
        expect(made, VALID);
        made.most = 2 ** 100 + 1;
        prove(made);
        expect(made, REFUSED);
        made = evidenceOf(0, -9000, 0);
        expect(made, VALID);
        made.least = -2 ** 100 - 1;
        prove(made);
        expect(made, REFUSED);
    }

    function testAPriceIsLimitedByGridFloorCapAndTerms() public {
        expect(evidenceOf(0, 5, 5), VALID);
        expect(evidenceOf(4000, 5, 5), REFUSED);
        expect(evidenceOf(100_500, 105, 105), VALID);
        expect(evidenceOf(8_000_000, 20_000, 20_000), VALID);
        expect(evidenceOf(9_000_000, 20_000, 20_000), REFUSED);
        Rule memory open = rule();
        (open.cap, open.maxPrice, open.rate) = (type(uint256).max, type(uint256).max, 2 ** 96 - 1);
        oracle = deploy(key(), point(MODEL), open);
        uint256 most = uint256(2 ** 128) * (2 ** 96 - 1) / 10 ** 6;
        Evidence memory made = evidenceOf(most - most % 1000, 1, 1);
        (open.numerator, open.shift) = (2 ** 48 - 1, 0);
        oracle = deploy(key(), point(MODEL), open);
        (made.least, made.most) = (2 ** 99, 2 ** 99);
        prove(made);
        expect(made, VALID);
    }

    // --- other statements ---

    function testOtherStatementsAreSignedWithTheirContent() public view {
        bytes memory content = abi.encode(keccak256("KeyEscrow(bytes32 orderDigest)"), keccak256("order"));
        bytes32 digest = typed(keccak256(content));
        bytes memory signature = signed(OPERATOR_KEY, digest);
        assert(oracle.isValidSignature(digest, abi.encodePacked(signature, content)) == VALID);
        assert(oracle.isValidSignature(digest, signature) == REFUSED);
        assert(oracle.isValidSignature(digest, abi.encodePacked(signature, content, uint8(0))) == REFUSED);
        assert(oracle.isValidSignature(digest, abi.encodePacked(signed(OPERATOR_KEY + 1, digest), content)) == REFUSED);
    }

    function testAQuoteCannotPassForAnotherStatement() public view {
        Quote memory quote = evidenceOf(100_000, 104, 106).quote;
        bytes32 typehash = keccak256(
            "Quote(bytes32 modelId,bytes32 contentId,address seller,bytes32 dataRoot,uint256 price,uint256 expiry,bytes32 evaluation)"
        );
        bytes memory content = abi.encode(typehash, quote);
        bytes32 digest = digestOf(quote);
        assert(oracle.isValidSignature(digest, abi.encodePacked(signed(OPERATOR_KEY, digest), content)) == REFUSED);
    }

    function signed(uint256 by, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(by, digest);
        return abi.encodePacked(r, s, v);
    }

    // --- what cannot be deployed ---

    function testRulesThatWouldOverflowAreRefused() public {
        for (uint256 i = 0; i < 6; i++) {
            Rule memory wrong = rule();
            if (i == 0) wrong.grid = 0;
            if (i == 1) wrong.shift = 256;
            if (i == 2) wrong.rate = 2 ** 96;
            if (i == 3) wrong.numerator = 2 ** 48;
            if (i == 4) wrong.leastCut = 8;
            if (i == 5) wrong.mostCut = 2 ** 128;
            refuses(key(), point(MODEL), wrong, "RuleInvalid()");
        }
    }

    function testKeysThatAreNoneAreRefused() public {
        Key memory wrong = key();
        wrong.priceBits = 207;
        refuses(wrong, point(MODEL), rule(), "ProofKeyInvalid()");
        refuses(key(), [uint256(1), 1], rule(), "ProofKeyInvalid()");
    }

    /// @dev A key is read as it was written: no point of it is checked before a proof adds it up.
    function testAKeyWithAWrongPointTakesNoProof() public {
        for (uint256 i = 0; i < 4; i++) {
            Key memory wrong = key();
            wrong.stated[i == 0 ? 0 : i + 1] = [uint256(1), 1];
            oracle = deploy(wrong, point(MODEL), rule());
            expect(evidenceOf(100_000, 104, 106), REFUSED);
        }
    }
}
