// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms, Status} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {Sale, Spec} from "./Spec.sol";

/// @notice post: a quote that its seller accepted locks the payment and uses the pair up.
contract PostTest is Spec {
    function quoteInvalid() internal view returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.QuoteSignatureInvalid.selector, oracle);
    }

    function acceptanceInvalid() internal view returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.AcceptanceSignatureInvalid.selector, seller);
    }

    function outOfBounds(uint256 price) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.PriceOutOfBounds.selector, price, 10 ether);
    }

    // --- what it does ---

    function locks(Sale memory sale) internal {
        bytes memory call_ = postCall(sale);
        uint256 budget = budgetOf(sale.terms);
        uint256 credit = settlement.creditOf(sale.terms.token, seller);

        expectPosted(sale);
        bytes memory answer = perform(stranger, call_);

        equal(abi.decode(answer, (bytes32)), sale.id);
        (Status status, uint256 deadline, uint256 digest) = settlement.orderState(sale.id);
        equal(status, Status.Locked);
        equal(deadline, block.timestamp + sale.terms.revealWindow);
        equal(digest, uint208(uint256(digestOf(sale))));
        equal(budgetOf(sale.terms), budget - sale.quote.price);
        equal(settlement.creditOf(sale.terms.token, seller), credit - sale.terms.sellerBond);
    }

    function test_LocksThePaymentUntilTheRevealDeadline() external {
        locks(agree(opened()));
    }

    function test_EveryTermOfTheModelIsInTheOrder() external {
        ModelTerms memory terms = termsWith(BOND, true);
        terms.token = currencies()[1];
        (terms.revealWindow, terms.disputeWindow) = (3 hours, 5 hours);
        opened(terms);
        deposit(terms.token, 1 ether);

        locks(agree(terms));
    }

    function test_TheSellersBondComesFromItsCreditAndNoLessWillDo() external {
        ModelTerms memory terms = opened(termsWith(BOND, false));
        bytes memory call_ = postCall(agree(terms));
        deposit(NATIVE, BOND - 1);
        refuses(stranger, call_, abi.encodeWithSelector(ISettlement.CreditTooSmall.selector, BOND, BOND - 1));
        deposit(NATIVE, 1);

        locks(agree(terms));

        equal(settlement.creditOf(NATIVE, seller), 0);
    }

    function test_OneUnitIsABondToo() external {
        ModelTerms memory terms = opened(termsWith(1, false));
        refuses(stranger, postCall(agree(terms)), abi.encodeWithSelector(ISettlement.CreditTooSmall.selector, 1, 0));
        deposit(NATIVE, 1);

        locks(agree(terms));
    }

    function test_TheSameContentIsSoldToAnotherModel() external {
        ModelTerms memory other = termsWith(0, false);
        other.salt = "other";
        locks(agree(opened()));
        locks(agree(opened(other)));
    }

    function test_OneSellerHasManyOrdersWithOneModel() external {
        ModelTerms memory terms = opened();
        locks(agree(terms, "one"));
        locks(agree(terms, "two"));
    }

    // --- once ---

    function test_APairIsPostedOnceWhateverBecameOfItAndWhateverTheNextQuoteSays() external {
        Status[5] memory all = [Status.Locked, Status.Revealed, Status.Paid, Status.Disputed, Status.Refunded];
        ModelTerms memory terms = opened();
        for (uint256 i = 0; i < all.length; i++) {
            Sale memory sale = lock(agree(terms, bytes32(i)));
            bringTo(sale, all[i]);
            Sale memory again = agree(terms, bytes32(i));
            again.quote.dataRoot = "salted anew";
            again.quote.price = 1;

            refuses(stranger, postCall(again), abi.encodeWithSelector(ISettlement.PairUsed.selector, sale.id, all[i]));
        }
    }

    // --- bounds ---

    function test_TheLastSecondOfAQuoteIsInTimeAndTheNextIsLate() external {
        Sale memory sale = agree(opened());
        bytes memory call_ = postCall(sale);
        VM.warp(sale.quote.expiry + 1);
        refuses(stranger, call_, abi.encodeWithSelector(ISettlement.QuoteExpired.selector, sale.quote.expiry));
        VM.warp(sale.quote.expiry);

        locks(sale);
    }

    function test_APriceIsOfOneUnitAtLeastAndTheModelsMaximumAtMost() external {
        ModelTerms memory terms = termsWith(0, false);
        register(terms);
        fund(terms, 20 ether);
        uint256[2] memory permitted = [uint256(1), 10 ether];
        uint256[4] memory refused = [uint256(0), 10 ether + 1, 2 ** 96 + 1, type(uint256).max];
        for (uint256 i = 0; i < refused.length; i++) {
            refuses(stranger, postCall(priced(terms, refused[i])), outOfBounds(refused[i]));
        }
        for (uint256 i = 0; i < permitted.length; i++) {
            locks(priced(terms, permitted[i]));
        }
    }

    function priced(ModelTerms memory terms, uint256 price) internal view returns (Sale memory sale) {
        sale = agree(terms, bytes32(price));
        sale.quote.price = price;
        relock(sale);
    }

    function test_ThePriceIsWithinTheBudget() external {
        Sale memory sale = agree(opened());
        sale.quote.price = 1 ether + 1;
        relock(sale);
        refuses(
            stranger, postCall(sale), abi.encodeWithSelector(ISettlement.BudgetTooSmall.selector, 1 ether + 1, 1 ether)
        );
        sale.quote.price = 1 ether;
        relock(sale);

        locks(sale);

        equal(budgetOf(sale.terms), 0);
    }

    function test_APriceThatNoBudgetHoldsIsAboveEveryBudget() external {
        ModelTerms memory terms = termsWith(0, false);
        terms.maxPrice = type(uint256).max;
        opened(terms);
        uint256[2] memory prices = [2 ** 96 + 1, type(uint256).max];
        for (uint256 i = 0; i < prices.length; i++) {
            bytes memory expected =
                abi.encodeWithSelector(ISettlement.BudgetTooSmall.selector, prices[i], uint256(1 ether));
            refuses(stranger, postCall(priced(terms, prices[i])), expected);
        }
    }

    // --- the model ---

    function test_AQuoteIsForOneModel() external {
        Sale memory sale = agree(opened());
        ModelTerms memory other = opened(termsWith(1, false));
        bytes32 expected = idOf(other);
        bytes32 actual = idOf(sale.terms);
        sale.terms = other;

        refuses(stranger, postCall(sale), abi.encodeWithSelector(ISettlement.ModelMismatch.selector, expected, actual));
    }

    function test_AModelThatNobodyRegisteredBuysNothing() external {
        ModelTerms memory terms = termsWith(0, false);
        refuses(stranger, postCall(agree(terms)), modelUnknown(terms));
    }

    // --- the oracle's signature ---

    function test_NobodyElseQuotes() external {
        Sale memory sale = agree(opened());
        bytes memory consent = acceptance(sale, SELLER_KEY);
        refuses(stranger, postCall(sale, quoteSignature(sale, SELLER_KEY), consent), quoteInvalid());
        refuses(stranger, postCall(sale, quoteSignature(sale, BUYER_KEY), consent), quoteInvalid());
    }

    function test_AQuoteIsOnlyWhatWasSigned() external {
        Sale memory sale = agree(opened());
        bytes memory signature = quoteSignature(sale, ORACLE_KEY);
        for (uint256 field = 0; field < 6; field++) {
            Sale memory altered = agree(sale.terms);
            if (field == 0) altered.quote.contentId = "other content";
            if (field == 1) altered.quote.seller = stranger;
            if (field == 2) altered.quote.dataRoot = "other data";
            if (field == 3) altered.quote.price++;
            if (field == 4) altered.quote.expiry++;
            if (field == 5) altered.quote.evaluation = "other appraisal";
            relock(altered);
            refuses(stranger, postCall(altered, signature, acceptance(altered, SELLER_KEY)), quoteInvalid());
        }
    }

    /// @dev An unsigned quote on chain could not prove that the oracle signed another one.
    function test_AnOracleWhoPostsNeedsItsSignatureToo() external {
        Sale memory sale = agree(opened());
        refuses(oracle, postCall(sale, "", acceptance(sale, SELLER_KEY)), quoteInvalid());
    }

    function test_ASignatureHasOneForm() external {
        Sale memory sale = agree(opened());
        bytes32 digest = settlement.quoteDigest(sale.quote);
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(ORACLE_KEY, digest);
        bytes32 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes32 high = bytes32(uint256(order) - uint256(s));
        bytes32 compact = bytes32(uint256(s) | (uint256(v - 27) << 255));
        bytes[7] memory forms = [
            abi.encodePacked(r, high, 55 - v),
            abi.encodePacked(r, s, v - 27),
            abi.encodePacked(r, compact),
            abi.encodePacked(bytes32(0), bytes32(0), v),
            abi.encodePacked(r, s),
            abi.encodePacked(r, s, v, uint8(0)),
            bytes("")
        ];
        for (uint256 i = 0; i < forms.length; i++) {
            refuses(stranger, postCall(sale, forms[i], acceptance(sale, SELLER_KEY)), quoteInvalid());
        }
        perform(stranger, postCall(sale, abi.encodePacked(r, s, v), acceptance(sale, SELLER_KEY)));
    }

    // --- the seller's consent ---

    function test_NobodyElseAccepts() external {
        Sale memory sale = agree(opened());
        bytes memory signature = quoteSignature(sale, ORACLE_KEY);
        refuses(stranger, postCall(sale, signature, acceptance(sale, BUYER_KEY)), acceptanceInvalid());
        refuses(stranger, postCall(sale, signature, acceptance(sale, ORACLE_KEY)), acceptanceInvalid());
        refuses(stranger, postCall(sale, signature, ""), acceptanceInvalid());
    }

    function test_AnAcceptanceIsOfOneKeyAndOneQuote() external {
        Sale memory sale = agree(opened());
        Sale memory other = agree(sale.terms);
        bytes memory signature = quoteSignature(sale, ORACLE_KEY);
        other.key = "another key";
        relock(other);
        refuses(stranger, postCall(sale, signature, acceptance(other, SELLER_KEY)), acceptanceInvalid());
        other = agree(sale.terms);
        other.quote.price++;
        refuses(stranger, postCall(sale, signature, acceptance(other, SELLER_KEY)), acceptanceInvalid());
    }

    function test_ASellerConsentsBySendingAndNobodyElseDoes() external {
        Sale memory sale = agree(opened());
        bytes memory call_ = postCall(sale, quoteSignature(sale, ORACLE_KEY), "");
        address[3] memory others = [buyer, oracle, stranger];
        for (uint256 i = 0; i < others.length; i++) {
            refuses(others[i], call_, acceptanceInvalid());
        }

        perform(seller, call_);

        isIn(sale, Status.Locked);
    }

    function test_NobodySignsForTheZeroAddress() external {
        Sale memory sale = agree(opened());
        sale.quote.seller = NOBODY;
        refuses(
            stranger,
            postCall(sale, quoteSignature(sale, ORACLE_KEY), new bytes(65)),
            abi.encodeWithSelector(ISettlement.AcceptanceSignatureInvalid.selector, NOBODY)
        );
    }

    // --- what was signed for elsewhere ---

    function test_WhatWasSignedForAnotherChainIsWorthNothingHere() external {
        Sale memory sale = agree(opened());
        uint256 here = block.chainid;
        bytes memory consent = acceptance(sale, SELLER_KEY);
        VM.chainId(here + 1);
        bytes memory signature = quoteSignature(sale, ORACLE_KEY);
        VM.chainId(here);

        refuses(stranger, postCall(sale, signature, consent), quoteInvalid());
    }

    /// @dev Terms name no chain, but their id does: a forked chain with another id has none of these models.
    function test_AModelIsOfOneChain() external {
        Sale memory sale = agree(opened());
        VM.chainId(block.chainid + 1);
        bytes32 there = idOf(sale.terms);

        refuses(stranger, postCall(sale), abi.encodeWithSelector(ISettlement.ModelUnknown.selector, there));
    }
}
