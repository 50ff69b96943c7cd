// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ChunkProof, ISettlement, ModelTerms, Order, Quote, Status} from "contracts/interfaces/ISettlement.sol";
import {ReferenceChaCha20} from "./ReferenceChaCha20.sol";

/// @notice The settlement contract as its interface reads: everything stored whole, nothing packed, no assembly, none
/// of the libraries. Slow, and written to be compared with.
contract ReferenceSettlement is ISettlement {
    struct Model {
        bool registered;
        address oracle;
        uint256 budget;
    }

    struct Bond {
        uint256 amount;
        uint256 unlocksAt;
    }

    struct Sale {
        Status status;
        uint256 deadline;
        Order order;
    }

    error Failed(bytes reason);

    mapping(bytes32 => Model) internal models;
    mapping(bytes32 => Sale) internal sales;
    mapping(bytes32 => mapping(address => Bond)) internal bonds;

    mapping(address => mapping(address => uint256)) public creditOf;
    mapping(bytes32 => mapping(address => bool)) internal revoked;

    /* MODELS */

    function registerModel(ModelTerms calldata terms, address oracle) external returns (bytes32 id) {
        id = modelIdOf(terms);
        require(msg.sender == terms.owner, CallerNotOwner(terms.owner, msg.sender));
        require(oracle != address(0) && oracle != address(1), ZeroAddress());
        require(terms.revealWindow >= 1 hours && terms.revealWindow <= 30 days, WindowOutOfBounds(0, 0, 0));
        require(terms.disputeWindow >= 1 hours && terms.disputeWindow <= 30 days, WindowOutOfBounds(0, 0, 0));
        require(terms.sellerBond <= type(uint96).max, AmountTooLarge(terms.sellerBond, 0));
        require(!models[id].registered, ModelExists(id));
        models[id] = Model(true, oracle, 0);
    }

    function fund(ModelTerms calldata terms, uint256 amount) public payable {
        Model storage model = known(modelIdOf(terms));
        require(amount > 0, ZeroAmount());
        require(amount <= type(uint96).max - model.budget, AmountTooLarge(amount, 0));
        model.budget += amount;
        pull(terms.token, amount);
    }

    function fundWithPermit(ModelTerms calldata terms, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        try IERC20Permit(terms.token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        fund(terms, amount);
    }

    function withdraw(ModelTerms calldata terms, uint256 amount, address to) external {
        Model storage model = known(modelIdOf(terms));
        require(msg.sender == terms.owner, CallerNotOwner(terms.owner, msg.sender));
        require(amount > 0, ZeroAmount());
        require(to != address(0), ZeroAddress());
        require(amount <= model.budget, BudgetTooSmall(amount, model.budget));
        model.budget -= amount;
        require(pay(terms.token, to, amount), TransferFailed(terms.token, to, amount));
    }

    function setOracle(ModelTerms calldata terms, address oracle) external {
        bytes32 id = modelIdOf(terms);
        Model storage model = known(id);
        require(msg.sender == terms.owner, CallerNotOwner(terms.owner, msg.sender));
        require(oracle != model.oracle, OracleUnchanged(oracle));
        require(!revoked[id][oracle], OracleRevoked(oracle));
        if (model.oracle != address(0)) revoked[id][model.oracle] = true;
        model.oracle = oracle;
    }

    /* BONDS AND CREDIT */

    function deposit(address token, uint256 amount) external payable {
        require(amount > 0, ZeroAmount());
        creditOf[token][msg.sender] += amount;
        pull(token, amount);
    }

    function withdrawCredit(address token, uint256 amount, address to) external {
        require(amount > 0, ZeroAmount());
        require(to != address(0), ZeroAddress());
        takeCredit(token, msg.sender, amount);
        require(pay(token, to, amount), TransferFailed(token, to, amount));
    }

    function bondOracle(ModelTerms calldata terms, address oracle, uint256 amount) external payable {
        bytes32 id = modelIdOf(terms);
        known(id);
        Bond storage bond = bonds[id][oracle];
        require(amount > 0, ZeroAmount());
        require(oracle != address(0) && oracle != address(1), ZeroAddress());
        require(bond.unlocksAt == 0, OracleBondExiting(bond.unlocksAt));
        require(amount <= type(uint96).max - bond.amount, AmountTooLarge(amount, 0));
        bond.amount += amount;
        pull(terms.token, amount);
    }

    function requestOracleBondExit(bytes32 id) external {
        Bond storage bond = bonds[id][msg.sender];
        require(bond.amount > 0, OracleBondTooSmall(1, 0));
        require(bond.unlocksAt == 0, OracleBondExiting(bond.unlocksAt));
        bond.unlocksAt = block.timestamp + 7 days;
    }

    function withdrawOracleBond(ModelTerms calldata terms) external {
        Bond memory bond = bonds[modelIdOf(terms)][msg.sender];
        require(bond.amount > 0, OracleBondTooSmall(1, 0));
        require(bond.unlocksAt != 0 && block.timestamp > bond.unlocksAt, OracleBondLocked(bond.unlocksAt));
        delete bonds[modelIdOf(terms)][msg.sender];
        creditOf[terms.token][msg.sender] += bond.amount;
    }

    function reportEquivocation(
        ModelTerms calldata terms,
        address oracle,
        Quote[2] calldata quotes,
        bytes[2] calldata signatures
    ) external {
        bytes32 id = modelIdOf(terms);
        (Quote calldata first, Quote calldata second) = (quotes[0], quotes[1]);
        require(first.modelId == id && second.modelId == id, ModelMismatch(id, first.modelId));
        bool differ = first.price != second.price || first.seller != second.seller || first.dataRoot != second.dataRoot;
        require(first.contentId == second.contentId && differ, NotEquivocation());
        require(bonds[id][oracle].amount > 0, OracleBondTooSmall(1, 0));
        require(signed(oracle, quoteDigest(first), signatures[0]), QuoteSignatureInvalid(oracle));
        require(signed(oracle, quoteDigest(second), signatures[1]), QuoteSignatureInvalid(oracle));
        uint256 amount = bonds[id][oracle].amount;
        delete bonds[id][oracle];
        giveBack(id, terms.owner, terms.token, amount);
    }

    /* SALE */

    function post(
        ModelTerms calldata terms,
        Quote calldata quote,
        bytes calldata oracleSignature,
        bytes32 keyHash,
        bytes calldata sellerSignature
    ) external returns (bytes32 id) {
        Model storage model = known(modelIdOf(terms));
        Bond storage bond = bonds[quote.modelId][model.oracle];
        id = orderIdOf(quote.modelId, quote.contentId);
        require(quote.modelId == modelIdOf(terms), ModelMismatch(modelIdOf(terms), quote.modelId));
        require(block.timestamp <= quote.expiry, QuoteExpired(quote.expiry));
        require(quote.price > 0 && quote.price <= terms.maxPrice, PriceOutOfBounds(quote.price, terms.maxPrice));
        require(sales[id].status == Status.None, PairUsed(id, sales[id].status));
        require(model.oracle != address(0), ModelHalted(quote.modelId));
        require(quote.price <= model.budget, BudgetTooSmall(quote.price, model.budget));
        require(terms.oracleBond == 0 || bond.unlocksAt == 0, OracleBondExiting(bond.unlocksAt));
        require(bond.amount >= terms.oracleBond, OracleBondTooSmall(terms.oracleBond, bond.amount));
        bytes32 digest = quoteDigest(quote);
        require(signed(model.oracle, digest, oracleSignature), QuoteSignatureInvalid(model.oracle));
        bool accepted =
            msg.sender == quote.seller || signed(quote.seller, acceptanceDigest(digest, keyHash), sellerSignature);
        require(accepted, AcceptanceSignatureInvalid(quote.seller));

        model.budget -= quote.price;
        takeCredit(terms.token, quote.seller, terms.sellerBond);
        Sale storage sale = sales[id];
        sale.status = Status.Locked;
        sale.deadline = block.timestamp + terms.revealWindow;
        sale.order.modelId = quote.modelId;
        sale.order.contentId = quote.contentId;
        sale.order.buyer = terms.owner;
        sale.order.seller = quote.seller;
        sale.order.token = terms.token;
        sale.order.price = quote.price;
        sale.order.sellerBond = terms.sellerBond;
        sale.order.disputeWindow = terms.disputeWindow;
        sale.order.requireReceipt = terms.requireReceipt;
        sale.order.dataRoot = quote.dataRoot;
        sale.order.keyHash = keyHash;
    }

    function revealKey(Order calldata order, bytes32 key, bytes calldata receipt) external {
        Sale storage sale = saleOf(order, Status.Locked);
        require(block.timestamp <= sale.deadline, DeadlinePassed(sale.deadline));
        checkKey(order, key);
        bool received =
            msg.sender == order.buyer || signed(order.buyer, receiptDigest(keccak256(abi.encode(order))), receipt);
        require(!order.requireReceipt || received, BuyerSignatureInvalid(order.buyer));
        sale.status = Status.Revealed;
        sale.deadline = block.timestamp + order.disputeWindow;
    }

    function revealData(Order calldata order, uint256 chunkSize, bytes calldata plain, bytes32[] calldata sealedDigests)
        external
    {
        Sale storage sale = saleOf(order, Status.Locked);
        require(block.timestamp <= sale.deadline, DeadlinePassed(sale.deadline));
        uint256 count = countOf(plain.length, chunkSize);
        require(sealedDigests.length == count, LengthMismatch(count, sealedDigests.length));
        bytes32[] memory layer = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            uint256 length = lengthOf(plain.length, chunkSize, i);
            layer[i] = leafOf(i, length, sha256(plain[i * chunkSize:][:length]), sealedDigests[i]);
        }
        while (layer.length > 1) {
            bytes32[] memory above = new bytes32[]((layer.length + 1) / 2);
            for (uint256 i = 0; i < above.length; i++) {
                above[i] = 2 * i + 1 < layer.length ? nodeOf(layer[2 * i], layer[2 * i + 1]) : layer[2 * i];
            }
            layer = above;
        }
        checkRoot(order, plain.length, chunkSize, layer[0]);
        sale.status = Status.Paid;
        payOrCredit(order);
    }

    function dispute(Order calldata order, bytes32 key, ChunkProof calldata proof) external {
        Sale storage sale = saleOf(order, Status.Revealed);
        require(block.timestamp <= sale.deadline, DeadlinePassed(sale.deadline));
        checkKey(order, key);
        uint256 count = countOf(proof.totalBytes, proof.chunkSize);
        require(proof.index < count, ChunkIndexOutOfBounds(proof.index, count));
        uint256 length = lengthOf(proof.totalBytes, proof.chunkSize, proof.index);
        require(proof.sealedChunk.length == length, ChunkLengthMismatch(length, proof.sealedChunk.length));
        bytes32 leaf = leafOf(proof.index, length, proof.plainDigest, sha256(proof.sealedChunk));
        checkRoot(order, proof.totalBytes, proof.chunkSize, climb(leaf, proof.index, count, proof.path, 0));
        uint32 firstBlock = uint32(proof.index * proof.chunkSize / 64);
        bytes32 opened = sha256(ReferenceChaCha20.xor(key, firstBlock, proof.sealedChunk));
        require(opened != proof.plainDigest, ChunkMatches(proof.index));
        sale.status = Status.Disputed;
        giveBack(order.modelId, order.buyer, order.token, order.price + order.sellerBond);
    }

    function settle(Order calldata order, bytes calldata acknowledgement) external {
        Sale storage sale = saleOf(order, statusOf(order) == Status.Revealed ? Status.Revealed : Status.Locked);
        bytes32 digest = acknowledgementDigest(keccak256(abi.encode(order)));
        bool acknowledged = msg.sender == order.buyer || signed(order.buyer, digest, acknowledgement);
        require(acknowledged, BuyerSignatureInvalid(order.buyer));
        sale.status = Status.Paid;
        payOrCredit(order);
    }

    function finalize(Order calldata order) external {
        Sale storage sale = saleOf(order, Status.Revealed);
        require(block.timestamp > sale.deadline, DeadlineNotPassed(sale.deadline));
        sale.status = Status.Paid;
        payOrCredit(order);
    }

    function batch(bytes[] calldata calls) external {
        require(calls.length <= 64, BatchTooLarge(calls.length, 64));
        for (uint256 i = 0; i < calls.length; i++) {
            (bool success, bytes memory reason) = address(this).delegatecall(calls[i]);
            require(success || isPast(reason), Failed(reason));
        }
    }

    function refund(Order calldata order) external {
        Sale storage sale = saleOf(order, Status.Locked);
        require(block.timestamp > sale.deadline, DeadlineNotPassed(sale.deadline));
        sale.status = Status.Refunded;
        giveBack(order.modelId, order.buyer, order.token, order.price);
        if (order.requireReceipt) creditOf[order.token][order.seller] += order.sellerBond;
        else giveBack(order.modelId, order.buyer, order.token, order.sellerBond);
    }

    /* VIEWS */

    function modelIdOf(ModelTerms calldata terms) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), terms));
    }

    function orderIdOf(bytes32 modelId, bytes32 contentId) public pure returns (bytes32) {
        return keccak256(abi.encode(modelId, contentId));
    }

    function domainSeparator() public view returns (bytes32) {
        bytes32 domain = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(domain, keccak256("Assay"), keccak256("1"), block.chainid, address(this)));
    }

    function quoteDigest(Quote calldata quote) public view returns (bytes32) {
        string memory kind = "Quote(bytes32 modelId,bytes32 contentId,address seller,bytes32 dataRoot,uint256 price,"
            "uint256 expiry,bytes32 evaluation)";
        return typed(keccak256(abi.encode(keccak256(bytes(kind)), quote)));
    }

    function acceptanceDigest(bytes32 quoteDigest_, bytes32 keyHash) public view returns (bytes32) {
        return typed(
            keccak256(abi.encode(keccak256("Acceptance(bytes32 quoteDigest,bytes32 keyHash)"), quoteDigest_, keyHash))
        );
    }

    function receiptDigest(bytes32 orderDigest) public view returns (bytes32) {
        return typed(keccak256(abi.encode(keccak256("Receipt(bytes32 orderDigest)"), orderDigest)));
    }

    function acknowledgementDigest(bytes32 orderDigest) public view returns (bytes32) {
        return typed(keccak256(abi.encode(keccak256("Acknowledgement(bytes32 orderDigest)"), orderDigest)));
    }

    function modelState(bytes32 id) external view returns (address, uint256, bool) {
        return (models[id].oracle, models[id].budget, models[id].registered);
    }

    function orderState(bytes32 id) external view returns (Status status, uint256 deadline, uint256 digest) {
        Sale storage sale = sales[id];
        if (sale.status == Status.None) return (Status.None, 0, 0);
        bool open = sale.status == Status.Locked || sale.status == Status.Revealed;
        return (sale.status, open ? sale.deadline : 0, uint208(uint256(keccak256(abi.encode(sale.order)))));
    }

    function oracleState(bytes32 id, address oracle) external view returns (uint256, uint256, bool) {
        return (bonds[id][oracle].amount, bonds[id][oracle].unlocksAt, revoked[id][oracle]);
    }

    /* INSIDE */

    function known(bytes32 id) internal view returns (Model storage model) {
        model = models[id];
        require(model.registered, ModelUnknown(id));
    }

    function isPast(bytes memory reason) internal pure returns (bool) {
        bytes4 error = bytes4(reason);
        if (error != StatusMismatch.selector && error != PairUsed.selector) return false;
        bytes memory inputs = new bytes(reason.length - 4);
        for (uint256 i = 0; i < inputs.length; i++) {
            inputs[i] = reason[4 + i];
        }
        (, Status actual) = abi.decode(inputs, (bytes32, Status));
        return error == PairUsed.selector || actual > Status.Locked;
    }

    function statusOf(Order calldata order) internal view returns (Status) {
        return sales[orderIdOf(order.modelId, order.contentId)].status;
    }

    function saleOf(Order calldata order, Status expected) internal view returns (Sale storage sale) {
        bytes32 id = orderIdOf(order.modelId, order.contentId);
        sale = sales[id];
        require(keccak256(abi.encode(sale.order)) == keccak256(abi.encode(order)), OrderMismatch(id));
        require(sale.status == expected, StatusMismatch(id, sale.status));
    }

    function checkKey(Order calldata order, bytes32 key) internal pure {
        bytes32 id = orderIdOf(order.modelId, order.contentId);
        require(keccak256(abi.encode(bytes32("assay/key/v1"), id, key)) == order.keyHash, KeyMismatch(id));
    }

    function typed(bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator(), structHash));
    }

    function signed(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecover(digest, signature);
        if (problem == ECDSA.RecoverError.NoError && recovered == signer) return true;
        if (signer.code.length == 0) return false;
        (bool success, bytes memory answer) =
            signer.staticcall(abi.encodeCall(IERC1271.isValidSignature, (digest, signature)));
        return success && answer.length >= 32 && abi.decode(answer, (bytes32)) == bytes32(bytes4(0x1626ba7e));
    }

    function countOf(uint256 total, uint256 size) internal pure returns (uint256) {
        bool power = size == 1024 || size == 2048 || size == 4096 || size == 8192 || size == 16_384;
        require(power && total > 16 && total <= 2 ** 38, LayoutInvalid(total, size));
        require(total % size == 0 || total % size > 16, LayoutInvalid(total, size));
        return total / size + (total % size == 0 ? 0 : 1);
    }

    function lengthOf(uint256 total, uint256 size, uint256 index) internal pure returns (uint256) {
        return (index + 1) * size <= total ? size : total - index * size;
    }

    function leafOf(uint256 index, uint256 length, bytes32 plain, bytes32 sealed_) internal pure returns (bytes32) {
        return sha256(abi.encode(bytes32("assay/leaf/v1"), index, length, plain, sealed_));
    }

    function nodeOf(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encode(bytes32("assay/node/v1"), left, right));
    }

    function checkRoot(Order calldata order, uint256 total, uint256 size, bytes32 top) internal pure {
        bytes32 root = sha256(abi.encode(bytes32("assay/root/v1"), total, size, top));
        require(root == order.dataRoot, CommitmentMismatch(order.dataRoot, root));
    }

    function climb(bytes32 node, uint256 index, uint256 width, bytes32[] calldata path, uint256 used)
        internal
        pure
        returns (bytes32)
    {
        if (width == 1) {
            require(used == path.length, ProofLengthMismatch(used, path.length));
            return node;
        }
        uint256 sibling = index % 2 == 0 ? index + 1 : index - 1;
        if (sibling < width) {
            require(used < path.length, ProofLengthMismatch(used + 1, path.length));
            node = index < sibling ? nodeOf(node, path[used]) : nodeOf(path[used], node);
            used++;
        }
        return climb(node, index / 2, (width + 1) / 2, path, used);
    }

    function takeCredit(address token, address account, uint256 amount) internal {
        require(amount <= creditOf[token][account], CreditTooSmall(amount, creditOf[token][account]));
        creditOf[token][account] -= amount;
    }

    function giveBack(bytes32 id, address owner, address token, uint256 amount) internal {
        if (models[id].budget + amount <= type(uint96).max) models[id].budget += amount;
        else creditOf[token][owner] += amount;
    }

    function pull(address token, uint256 amount) internal {
        require(msg.value == (token == address(0) ? amount : 0), ValueMismatch(amount, msg.value));
        if (token == address(0)) return;
        uint256 before = IERC20(token).balanceOf(address(this));
        require(
            IERC20(token).transferFrom(msg.sender, address(this), amount), TransferFailed(token, address(this), amount)
        );
        require(IERC20(token).balanceOf(address(this)) == before + amount, TokenNotExact(token, amount, 0));
    }

    function pay(address token, address to, uint256 amount) internal returns (bool success) {
        if (token == address(0)) (success,) = to.call{value: amount, gas: 100_000}("");
        else (success,) = token.call{gas: 100_000}(abi.encodeCall(IERC20.transfer, (to, amount)));
    }

    function payOrCredit(Order calldata order) internal {
        uint256 amount = order.price + order.sellerBond;
        if (!pay(order.token, order.seller, amount)) creditOf[order.token][order.seller] += amount;
    }
}
