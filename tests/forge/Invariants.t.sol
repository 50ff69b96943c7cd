// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ModelTerms, Order, Quote, Status} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice Everything that anyone may do with one model, in any order. Half of the sellers lock a key that does not
/// open their data; the buyer is honest and watches: it disputes every revealed key that does not open its file.
contract Handler is World {
    uint96 public constant SELLER_BOND = 0.1 ether;

    struct Sale {
        Order order;
        Sealed data;
        bytes32 lockedKey;
        bool honest;
        uint256 paid;
        uint256 returned;
    }

    ModelTerms internal terms;
    bytes32 public modelId;
    Sale[] internal sales;
    uint256 public contentCount;
    uint256 public postedTwice;
    uint256 public depositedBySeller;
    uint256 public relayerGain;

    constructor() {
        setUpWorld();
        terms = termsWith(SELLER_BOND, false);
        modelId = open(terms, 100 ether);
        VM.prank(seller);
        settlement.deposit{value: 10 ether}(address(0), 10 ether);
        depositedBySeller = 10 ether;
    }

    modifier asStranger() {
        uint256 before = stranger.balance;
        _;
        relayerGain += stranger.balance - before;
    }

    function fund(uint96 amount) external {
        amount = uint96(bound(amount, 1, 5 ether));
        VM.prank(buyer);
        settlement.fund{value: amount}(terms, amount);
    }

    function withdraw(uint96 amount) external {
        (, uint256 budget,) = settlement.modelState(modelId);
        if (budget == 0) return;
        VM.prank(buyer);
        settlement.withdraw(terms, bound(amount, 1, budget), buyer);
    }

    function postOrder(uint96 price, bytes32 key, bool honest) external asStranger {
        (, uint256 budget,) = settlement.modelState(modelId);
        price = uint96(bound(price, 1, 10 ether));
        if (budget < price || settlement.creditOf(address(0), seller) < SELLER_BOND) return;
        bytes32 contentId = keccak256(abi.encode("content", contentCount++));
        Sealed memory data = seal(abi.encode("record", contentId), key);
        bytes32 lockedKey = honest ? key : keccak256(abi.encode("another key", key));
        Quote memory quote = quoteFor(modelId, contentId, data.root, price);
        Order memory order = post(terms, quote, keyHashOf(modelId, contentId, lockedKey));
        sales.push(Sale(order, data, lockedKey, honest, 0, 0));
    }

    function postAgain(uint256 index, uint96 price) external {
        if (sales.length == 0) return;
        Sale storage sale = sales[index % sales.length];
        Quote memory quote =
            quoteFor(modelId, sale.order.contentId, sale.order.dataRoot, uint96(bound(price, 1, 10 ether)));
        try this.attemptPost(terms, quote, sale.order.keyHash) {
            postedTwice++;
        } catch {}
    }

    function attemptPost(ModelTerms memory terms_, Quote memory quote, bytes32 keyHash) external {
        post(terms_, quote, keyHash);
    }

    function revealKey(uint256 index) external asStranger {
        if (sales.length == 0) return;
        Sale storage sale = sales[index % sales.length];
        try settlement.revealKey(sale.order, sale.lockedKey, "") {
            if (!sale.honest) dispute(index);
        } catch {}
    }

    function dispute(uint256 index) public asStranger {
        if (sales.length == 0) return;
        Sale storage sale = sales[index % sales.length];
        (, uint256 before,) = settlement.modelState(modelId);
        try settlement.dispute(sale.order, sale.lockedKey, proofOf(sale.data)) {
            (, uint256 budget,) = settlement.modelState(modelId);
            sale.returned += budget - before;
        } catch {}
    }

    function revealData(uint256 index) external asStranger {
        if (sales.length == 0) return;
        Sale storage sale = sales[index % sales.length];
        bytes32[] memory sealedDigests = new bytes32[](1);
        sealedDigests[0] = sha256(sale.data.chunk);
        uint256 before = seller.balance;
        try settlement.revealData(sale.order, CHUNK_SIZE, sale.data.plain, sealedDigests) {
            sale.paid += seller.balance - before;
        } catch {}
    }

    function settle(uint256 index) external asStranger {
        if (sales.length == 0) return;
        Sale storage sale = sales[index % sales.length];
        if (!sale.honest) return;
        uint256 before = seller.balance;
        try settlement.settle(sale.order, acknowledgement(sale.order)) {
            sale.paid += seller.balance - before;
        } catch {}
    }

    function finalize(uint256 index) public asStranger {
        if (sales.length == 0) return;
        Sale storage sale = sales[index % sales.length];
        uint256 before = seller.balance;
        try settlement.finalize(sale.order) {
            sale.paid += seller.balance - before;
        } catch {}
    }

    function refund(uint256 index) public asStranger {
        if (sales.length == 0) return;
        Sale storage sale = sales[index % sales.length];
        (, uint256 before,) = settlement.modelState(modelId);
        try settlement.refund(sale.order) {
            (, uint256 budget,) = settlement.modelState(modelId);
            sale.returned += budget - before;
        } catch {}
    }

    function pass(uint256 time) external {
        VM.warp(block.timestamp + bound(time, 1, 3 hours));
    }

    /// @notice What the contract owes: budget, credits, and price and bond of every order still open.
    function owed() external view returns (uint256 total) {
        (, uint256 budget,) = settlement.modelState(modelId);
        total = budget + settlement.creditOf(address(0), seller) + settlement.creditOf(address(0), buyer);
        for (uint256 i = 0; i < sales.length; i++) {
            Status status = statusOf(sales[i].order);
            if (status == Status.Locked || status == Status.Revealed) {
                total += uint256(sales[i].order.price) + sales[i].order.sellerBond;
            }
        }
    }

    function held() external view returns (uint256) {
        return address(settlement).balance;
    }

    function saleCount() external view returns (uint256) {
        return sales.length;
    }

    function saleAt(uint256 index)
        external
        view
        returns (Status status, bool honest, uint256 price, uint256 bond, uint256 paid, uint256 returned)
    {
        Sale storage s = sales[index];
        return (statusOf(s.order), s.honest, s.order.price, s.order.sellerBond, s.paid, s.returned);
    }

    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + value % (high - low + 1);
    }
}

contract InvariantsTest {
    Handler internal handler;

    function setUp() public {
        handler = new Handler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_MoneyIsConserved() external view {
        assert(handler.held() == handler.owed());
    }

    function invariant_APairIsPostedAtMostOnce() external view {
        assert(handler.postedTwice() == 0);
    }

    function invariant_WhoeverRelaysGainsNothing() external view {
        assert(handler.relayerGain() == 0);
    }

    function invariant_HonestSellersAreNeverDisputed() external view {
        for (uint256 i = 0; i < handler.saleCount(); i++) {
            (Status status, bool honest,,,,) = handler.saleAt(i);
            assert(!(honest && status == Status.Disputed));
        }
    }

    /// @dev A dishonest seller can still be paid for plaintext that matches, by `revealData`.
    function invariant_AWatchingBuyerNeverPaysForAKeyThatOpensNothing() external view {
        for (uint256 i = 0; i < handler.saleCount(); i++) {
            (Status status, bool honest,,,,) = handler.saleAt(i);
            assert(honest || status != Status.Revealed);
        }
    }

    function invariant_PayoutAndReturnExcludeEachOtherAndAreWhole() external view {
        for (uint256 i = 0; i < handler.saleCount(); i++) {
            (Status status,, uint256 price, uint256 bond, uint256 paid, uint256 returned) = handler.saleAt(i);
            assert(paid == (status == Status.Paid ? price + bond : 0));
            assert(returned == (status == Status.Disputed || status == Status.Refunded ? price + bond : 0));
        }
    }

    /// @notice Every order ends: once all windows have passed, each open one can be closed by anyone.
    function afterInvariant() external {
        VM.warp(block.timestamp + 60 days);
        for (uint256 i = 0; i < handler.saleCount(); i++) {
            handler.refund(i);
            handler.finalize(i);
            (Status status,,,,,) = handler.saleAt(i);
            assert(status == Status.Paid || status == Status.Disputed || status == Status.Refunded);
        }
    }
}
